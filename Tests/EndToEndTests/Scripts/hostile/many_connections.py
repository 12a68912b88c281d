"""Ten thousand clients, one after the other: what nbdkit has open and takes stays flat.

usage: many_connections.py [COUNT]
"""

import sys

import wire
from disk import pattern
from server import Finding, Reader, Server
from wire import Connection


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with Server([f"size={count * 512}"]) as server:
        reader = Reader(server.fifo, keep=False)
        early = None
        for number in range(count):
            if number == count // 10:
                early = server.descriptors(), server.kibibytes()
            offset = number * 512
            connection = Connection(server.socket).negotiate()
            connection.send(wire.request(wire.WRITE, offset, 512) + pattern(number, offset, 512))
            if connection.reply()[0]:
                raise Finding(f"write number {number} fails")
            connection.send(wire.request(wire.DISCONNECT))
            try:
                connection.receive(1)
            except wire.Closed:
                pass
            connection.close()
        late = server.descriptors(), server.kibibytes()
        server.terminate()
        reader.end()
        story = f"{count} clients, from (descriptors, KiB) {early} to {late}: {server.report()}"
        # A thread or two may still be on their way out; each leak would be there thousandfold.
        if late[0] > early[0] + 2 or late[1] > early[1] + 1024:
            raise Finding(f"not flat: {story}")
        if server.report()["outcome"] != "complete" or reader.count != count * 512:
            raise Finding(f"{reader.count} bytes read: {story}")
        print(story)


main()
