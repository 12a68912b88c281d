"""Every command with every flag, offered or not, and every option with every flag: no server ends.

usage: every_flag.py [--plugin FILE [PARAMETER...]]

Without a plugin that of a stream, written and read, of which each must be complete nevertheless.
"""

import argparse
import itertools
import random
import struct

import wire
from disk import pattern
from server import Finding, Reader, Server, Writer
from wire import Closed, Connection

SIZE = 64 << 10
LENGTH = 4096
COMMANDS = [*range(12), 2**16 - 1]
BITS = [1 << bit for bit in range(16)]
# All that the protocol knows, each bit and each two, and some at random.
FLAGS = sorted({
    *range(64), *BITS, *(one | other for one, other in itertools.combinations(BITS, 2)), 2**16 - 1,
    *random.sample(range(2**16), 20)})

CONTEXTS = [
    (), (b"base:allocation",), (b"base:",), (b"base",), (b"",), (b":",), (b"base:unknown",),
    (b"qemu:allocation-depth",), (b"qemu:dirty-bitmap:x", b"base:allocation"),
    (b"base:allocation",) * 9, (b"x" * 4096,), (b"\xff\x00:\n",)]
NAMES = [b"", b"x", b"\xff", b"\x00", b"x" * 4096]


class Requests:
    """One connection after the other, as any request may end one."""

    def __init__(self, server, **negotiation):
        self.server, self.negotiation = server, negotiation
        self.connection = None
        self.count = 0

    def send(self, command, offset, length, flags):
        """Returns the error, or None if the connection was closed."""
        if self.connection is None:
            try:
                self.connection = Connection(self.server.socket).negotiate(**self.negotiation)
            except (Closed, OSError) as error:
                raise Finding(f"a client is refused after {self.count}: {error}") from None
        self.count += 1
        data = bytes(length) if command == wire.WRITE else b""
        try:
            self.connection.send(wire.request(command, offset, length, flags) + data)
            answer = length if command == wire.READ and length <= SIZE else 0
            return self.connection.reply(answer, offset)[0]
        except Closed:
            self.close()
            return None

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None


def check_alive(server, what):
    if server.process.poll() is not None:
        raise Finding(f"{what} ends nbdkit with status {server.process.returncode}")


def send_all(server, **negotiation):
    requests = Requests(server, **negotiation)
    for command in COMMANDS:
        for flags in FLAGS:
            flush = command == wire.FLUSH
            answer = requests.send(command, 0, 0 if flush else LENGTH, flags)
            what = f"command {command} with flags {flags:#x}, {negotiation},"
            if answer is None and command != wire.DISCONNECT:
                check_alive(server, what)
                raise Finding(f"{what} ends the connection")
            if command == wire.ZERO and flags & wire.FAST_ZERO and answer not in (
                    0, wire.ENOTSUP, wire.EINVAL, 1):
                raise Finding(f"{what} is answered by {answer}")
    # The ends of the protocol's own numbers.
    for command in COMMANDS:
        for offset, length in (
                (0, 0), (SIZE, 1), (SIZE - 1, 1), (0, 2**32 - 1), (2**64 - 1, 2**32 - 1),
                (2**63, 1)):
            if command != wire.WRITE:
                requests.send(command, offset, length, random.choice(FLAGS))
    requests.close()
    check_alive(server, "a request")
    return requests.count


def ask_all(server):
    """Every option, as it should be and not, in every order of two, after every greeting."""
    count = 0
    for flags in [*range(16), *(1 << bit for bit in range(32)), 2**32 - 1]:
        options = [*range(12), 2**31, 2**32 - 1]
        for first, second in itertools.product(options, options) if flags == 3 else [(7, 7)]:
            connection = Connection(server.socket)
            try:
                connection.greet(flags)
                for number in first, second:
                    count += 1
                    connection.send(wire.option(number, random.choice(payloads(number))))
                # Whatever is made of it: nothing that comes back is looked at.
                connection.send(wire.request(wire.READ, 0, 1, random.choice(FLAGS)))
                connection.send(wire.option(wire.ABORT))
                connection.socket.shutdown(1)
                while connection.socket.recv(4096):
                    pass
            except (Closed, OSError):
                pass
            connection.close()
            check_alive(server, f"options {first} and {second} after {flags:#x}")
    return count


def payloads(number):
    name = random.choice(NAMES)
    query = wire.meta_contexts(random.choice(CONTEXTS), name)
    info = struct.pack(">I", len(name)) + name + struct.pack(">HH", 1, random.randrange(6))
    return [b"", query, info, info[:-1], name, random.randbytes(random.randrange(64))]


def attack(server):
    count = send_all(server) + send_all(server, structured=True)
    for contexts in CONTEXTS:
        requests = Requests(server, structured=True, contexts=contexts)
        for flags in FLAGS:
            requests.send(wire.BLOCK_STATUS, 0, LENGTH, flags)
        requests.send(wire.BLOCK_STATUS, 0, 2**32 - 1, 0)
        count += requests.count
        requests.close()
    return count + ask_all(server)


def write():
    # Nothing is sent before the end, so that the last to write says what the disk is.
    with Server([f"size={SIZE}", f"rewind={SIZE}"]) as server:
        reader = Reader(server.fifo)
        count = attack(server)
        content = pattern(1, 0, SIZE)
        connection = Connection(server.socket).negotiate()
        connection.send(wire.request(wire.WRITE, 0, SIZE) + content)
        if connection.reply()[0]:
            raise Finding("a good client's write fails")
        # Refused, and no failure: nothing is owed for it.
        connection.send(wire.request(wire.ZERO, 0, LENGTH, wire.FAST_ZERO))
        if connection.reply()[0] != wire.ENOTSUP:
            raise Finding("a fast zero is not refused as one")
        connection.send(wire.request(wire.FLUSH))
        if connection.reply()[0]:
            raise Finding("a good client's flush fails")
        connection.send(wire.request(wire.DISCONNECT))
        connection.close()
        server.terminate()
        reader.end()
        if reader.data != content or server.report()["outcome"] != "complete":
            raise Finding(f"{server.report()}\n{server.log[-2000:]}")
    return count


def read():
    content = pattern(1, 0, SIZE)
    with Server(
            [f"size={SIZE}", f"rewind={SIZE}"], endpoint="read=@/fifo", make_fifo=True) as server:
        writer = Writer(server.fifo, content)
        count = attack(server)
        connection = Connection(server.socket).negotiate()
        connection.send(wire.request(wire.READ, 0, SIZE))
        if connection.reply(SIZE) != (0, content):
            raise Finding("a good client reads something else")
        connection.send(wire.request(wire.DISCONNECT))
        connection.close()
        server.terminate()
        writer.end()
        if server.report()["outcome"] != "complete":
            raise Finding(f"{server.report()}\n{server.log[-2000:]}")
    return count


def serve(plugin, parameters, options):
    with Server(parameters, plugin=plugin, options=options) as server:
        count = attack(server)
        server.terminate()
    return count


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--plugin")
    parser.add_argument("parameters", nargs="*")
    options = parser.parse_args()
    if options.plugin:
        count = sum(
            serve(options.plugin, options.parameters, flags) for flags in ([], ["-r"]))
    else:
        count = write() + read()
    print(f"{count} requests and options")


main()
