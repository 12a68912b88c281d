"""A tebibyte, mostly zeroes: what nbdkit has open and takes stays flat.

usage: endless_stream.py [GIBIBYTES]
"""

import sys

import wire
from disk import pattern
from server import Finding, Server
from wire import Connection

GIB = 1 << 30
DATA = 1 << 20


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1024
    # Some of it waits for its turn, as with a client that does not write in order.
    parameters = [f"size={count * GIB}", "reorder=16M", "rewind=1M"]
    with Server(parameters, endpoint="pipe=/dev/null") as server:
        connection = Connection(server.socket).negotiate()
        data = pattern(1, 0, DATA)
        early = None
        for number in range(count):
            if number == max(1, count // 10):
                early = server.descriptors(), server.kibibytes()
            start = number * GIB
            for part in (
                wire.request(wire.WRITE, start + GIB - DATA, DATA) + data,
                wire.request(wire.WRITE, start, DATA) + data,
                wire.request(wire.ZERO, start + DATA, GIB - 2 * DATA),
            ):
                connection.send(part)
                if connection.reply()[0]:
                    raise Finding(f"a request in GiB {number} fails: {server.log}")
        late = server.descriptors(), server.kibibytes()
        connection.send(wire.request(wire.FLUSH))
        if connection.reply()[0]:
            raise Finding(f"a flush fails: {server.log}")
        connection.send(wire.request(wire.DISCONNECT))
        connection.close()
        server.terminate()
        story = f"{count} GiB, from (descriptors, KiB) {early} to {late}: {server.report()}"
        if late[0] > early[0] or late[1] > early[1] + 1024:
            raise Finding(f"not flat: {story}")
        if server.report()["outcome"] != "complete":
            raise Finding(story)
        print(story)


main()
