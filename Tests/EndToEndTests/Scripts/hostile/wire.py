"""NBD as bytes: enough of the protocol to speak it well, and badly.

The protocol: https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md
"""

import socket
import struct

READ, WRITE, DISCONNECT, FLUSH, TRIM, CACHE, ZERO, BLOCK_STATUS = range(8)
FUA, NO_HOLE, DF, REQ_ONE, FAST_ZERO = 1, 2, 4, 8, 16
EINVAL, EIO, ENOTSUP = 22, 5, 95
EXPORT_NAME, ABORT, LIST, STARTTLS, INFO, GO, STRUCTURED_REPLY, LIST_META, SET_META = (
    1, 2, 3, 5, 6, 7, 8, 9, 10)
REQUEST = struct.Struct(">IHHQQI")
REQUEST_MAGIC = 0x25609513
OPTION_MAGIC = 0x49484156454F5054
SIMPLE_REPLY = 0x67446698
STRUCTURED = 0x668E33EF

# Nothing but the drain to a slow reader may take longer.
LIMIT = 5


class Closed(Exception):
    """The server has closed the connection."""


class Hang(Exception):
    """Somebody did nothing for LIMIT seconds."""


def request(command, offset=0, length=0, flags=0, handle=1, magic=REQUEST_MAGIC):
    return REQUEST.pack(magic, flags, command, handle, offset, length)


def option(number, data=b"", length=None):
    return struct.pack(">QII", OPTION_MAGIC, number, len(data) if length is None else length) + data


def meta_contexts(contexts, export=b""):
    """What LIST_META and SET_META carry."""
    names = b"".join(struct.pack(">I", len(name)) + name for name in contexts)
    return struct.pack(">I", len(export)) + export + struct.pack(">I", len(contexts)) + names


class Connection:
    """One connection; every wait for the server is limited."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(LIMIT)
        self.socket.connect(path)

    def close(self):
        self.socket.close()

    def send(self, data):
        try:
            self.socket.sendall(data)
        except TimeoutError:
            raise Hang("the server takes no bytes") from None
        except OSError as error:
            raise Closed(str(error)) from None

    def receive(self, count):
        data = bytearray()
        while len(data) < count:
            try:
                part = self.socket.recv(count - len(data))
            except TimeoutError:
                raise Hang("the server does not answer") from None
            except OSError as error:
                raise Closed(str(error)) from None
            if not part:
                raise Closed("end of file")
            data += part
        return bytes(data)

    # The handshake

    def greet(self, flags=3):
        magic, version, _ = struct.unpack(">8s8sH", self.receive(18))
        if magic != b"NBDMAGIC" or version != b"IHAVEOPT":
            raise Closed(f"not NBD: {magic} {version}")
        self.send(struct.pack(">I", flags))

    def ask(self, number, data=b""):
        """Returns whether the server agreed."""
        self.send(option(number, data))
        while True:
            _, _, kind, length = struct.unpack(">QIII", self.receive(20))
            self.receive(length)
            if kind == 1 or kind & 0x80000000:
                return kind == 1

    def negotiate(self, structured=False, contexts=(b"base:allocation",)):
        """To the point where requests may follow."""
        self.greet()
        if structured:
            self.ask(STRUCTURED_REPLY)
            self.ask(SET_META, meta_contexts(contexts))
        if not self.ask(GO, struct.pack(">IH", 0, 0)):
            raise Closed("refused")
        return self

    # Replies

    def reply(self, length=0, offset=0):
        """The answer to the oldest request: its error, or 0, and `length` bytes
        read at `offset`."""
        magic = struct.unpack(">I", self.receive(4))[0]
        if magic == SIMPLE_REPLY:
            error, _ = struct.unpack(">IQ", self.receive(12))
            return error, b"" if error else self.receive(length)
        if magic != STRUCTURED:
            raise Closed(f"a reply that begins with {magic:#x}")
        error, data = 0, bytearray(length)
        while True:
            flags, kind, _, count = struct.unpack(">HHQI", self.receive(16))
            chunk = self.receive(count)
            if kind & 0x8000:
                error = struct.unpack_from(">I", chunk)[0]
            elif kind == 1 and length:
                at = struct.unpack_from(">Q", chunk)[0] - offset
                data[at:at + count - 8] = chunk[8:]
            if flags & 1:
                return error, bytes(data)
            magic = struct.unpack(">I", self.receive(4))[0]
