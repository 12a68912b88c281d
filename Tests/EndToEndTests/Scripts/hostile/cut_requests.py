"""Clients that leave at every byte of a session, in what they send and in what they are sent.

Only the request that was whole counts; the stream goes on and is complete.
"""

import struct

import wire
from disk import pattern
from server import Finding, Reader, Server
from wire import Connection

SIZE = 256 << 10
SENT = 64


def sessions():
    """What a client sends, from its first byte on."""
    greeting = struct.pack(">I", 3) + wire.option(wire.GO, struct.pack(">IH", 0, 0))
    yield greeting + wire.request(wire.WRITE, 0, SENT) + pattern(1, 0, SENT)
    yield greeting + wire.request(wire.ZERO, SENT, SENT)
    yield greeting + wire.request(wire.FLUSH) + wire.request(wire.READ, 0, SENT)


def leave_sending(server):
    count = 0
    for session in sessions():
        for cut in range(len(session) + 1):
            for politely in False, True:
                connection = Connection(server.socket)
                try:
                    connection.send(session[:cut])
                    if politely:
                        connection.socket.shutdown(1)
                        while connection.socket.recv(4096):
                            pass
                except (wire.Closed, ConnectionError):
                    pass
                connection.close()
                count += 1
    return count


def leave_receiving(server):
    message = wire.request(wire.READ, 0, SENT)
    for cut in range(16 + SENT):
        connection = Connection(server.socket).negotiate()
        connection.send(message)
        connection.receive(cut)
        connection.close()
    return 16 + SENT


def main():
    # Nothing is sent before the end, so that whoever comes finds the disk as it was.
    with Server([f"size={SIZE}", f"rewind={SIZE}"]) as server:
        reader = Reader(server.fifo)
        first = Connection(server.socket).negotiate()
        before = server.descriptors()
        count = leave_sending(server) + leave_receiving(server)

        content = pattern(2, 0, SIZE)
        first.send(wire.request(wire.READ, 0, 2 * SENT))
        if first.reply(2 * SENT) != (0, pattern(1, 0, SENT) + bytes(SENT)):
            raise Finding("the requests that were whole were not carried out")
        first.send(wire.request(wire.WRITE, 0, SIZE) + content)
        if first.reply()[0]:
            raise Finding("a good client's write fails")
        if server.descriptors() > before + 2:
            raise Finding(f"{server.descriptors()} descriptors are open, {before} were before")
        first.send(wire.request(wire.FLUSH))
        first.reply()
        first.send(wire.request(wire.DISCONNECT))
        first.close()
        server.terminate()
        reader.end()
        server.check_leavings()
        if reader.data != content or server.report()["outcome"] != "complete":
            raise Finding(f"{reader.count} bytes for {SIZE}: {server.report()}\n{server.log}")
    print(f"{count} clients left in the middle")


main()
