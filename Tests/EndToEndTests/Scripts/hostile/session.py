"""One random session with the server: clients that behave, clients that don't, and a reader.

All of it follows from the seed, apart from how the processes take their turns.
"""

import random
import struct
import time

import wire
from disk import Disk, pattern
from judgement import IMPATIENCE, judge
from server import Finding, Reader, Server
from wire import Closed, Connection

KIB, MIB = 1 << 10, 1 << 20


class Session:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.disk = Disk()
        self.number = 0
        self.connections = []
        # Why the stream may rightly end as failed.
        self.excuses = set()
        self.size = self.random.choice([None, 64 * KIB, 100_001, MIB])
        self.windows = [self.random.choice([0, 4 * KIB, 64 * KIB, 4 * MIB]) for _ in range(2)]

    def play(self):
        chance = self.random.random
        parameters, endpoint = self.open_stream(chance)
        if self.size:
            parameters.append(f"size={self.size}")
        if chance() < 0.3:
            parameters.append("spool=@")
        self.server = Server(parameters, endpoint, make_fifo=chance() < 0.5)
        try:
            self.meet_other_end(chance)
            for _ in range(self.random.randrange(2, 60)):
                self.step()
            if chance() < 0.8:
                self.leave()
            else:
                self.excuses.add("SIGTERM with clients there")
            self.end()
        except Exception as error:
            error.add_note(f"nbdkit {' '.join(parameters)}\n{self.server.log[-4000:]}")
            raise
        finally:
            self.server.remove()

    def open_stream(self, chance):
        reorder, rewind = self.windows
        return [f"reorder={reorder}", f"rewind={rewind}"], "pipe=@/fifo"

    def meet_other_end(self, chance):
        self.reader = Reader(
            self.server.fifo,
            after=0.2 if chance() < 0.1 else 0, pause=0.3 if chance() < 0.1 else 0,
            most=self.random.randrange(256 * KIB) if chance() < 0.15 else None)
        if self.reader.most is not None:
            self.excuses.add("the reader dies")

    # What a client may do

    def step(self):
        roll = self.random.random()
        if not self.connections or roll < 0.05:
            if len(self.connections) < 3:
                self.connect()
            return
        if roll < 0.15:
            self.babble()
            return
        connection = self.random.choice(self.connections)
        try:
            if roll < 0.85:
                self.converse(connection, self.random.choice([1, 1, 1, 2, 8]))
            elif roll < 0.90:
                self.vanish(connection)
            elif roll < 0.95:
                self.speak_badly(connection)
            else:
                connection.send(wire.request(wire.DISCONNECT))
                self.drop(connection)
        except Closed:
            # Its own fault, or that of a stream that has failed.
            self.drop(connection)

    def connect(self):
        connection = Connection(self.server.socket)
        try:
            self.connections.append(connection.negotiate(structured=self.random.random() < 0.5))
        except Closed:
            connection.close()
            if not self.excuses:
                raise Finding("a client was refused") from None

    def drop(self, connection):
        connection.close()
        self.connections.remove(connection)
        # nbdkit may not have seen that before it stops.
        self.excuses.add("a client there at the end")

    def leave(self):
        for connection in list(self.connections):
            try:
                connection.send(wire.request(wire.DISCONNECT))
            except Closed:
                pass
            self.drop(connection)

    # Requests that are as they should be

    flags = {
        wire.WRITE: [0, 0, wire.FUA],
        wire.ZERO: [0, 0, wire.FUA, wire.NO_HOLE, wire.FUA | wire.NO_HOLE, wire.FAST_ZERO,
                    wire.FAST_ZERO | wire.FUA | wire.NO_HOLE],
        wire.BLOCK_STATUS: [0, wire.REQ_ONE]}
    kinds = [wire.WRITE] * 6 + [wire.ZERO] * 3 + [wire.READ] * 2 + [
        wire.FLUSH, wire.TRIM, wire.CACHE, wire.BLOCK_STATUS]

    def place(self):
        """Near the end of what was written, mostly: the windows are about that."""
        draw = self.random.randrange
        length = min(draw(1, 32 * KIB), draw(1, 32 * KIB)) if draw(20) else draw(1, 200 * KIB)
        near = self.disk.high
        if draw(3) == 0:
            near = max(0, near + draw(-20 * KIB, 20 * KIB))
        if draw(20) == 0:
            near = draw(self.size or 2 * MIB)
        if self.size:
            near = min(near, self.size - 1)
            length = min(length, self.size - near)
        return near, length

    def converse(self, connection, count):
        """Sends requests one after the other, then takes the answers."""
        sent = []
        for _ in range(count):
            kind = self.random.choice(self.kinds)
            offset, length = self.place()
            data = b""
            if kind == wire.WRITE:
                self.number += 1
                data = pattern(self.number, offset, length)
            if kind == wire.FLUSH:
                offset = length = 0
            flags = self.random.choice(self.flags.get(kind, [0]))
            sent.append((kind, offset, length, flags, data))
            try:
                connection.send(wire.request(kind, offset, length, flags) + data)
            except Closed:
                break
            # Answers beyond what a socket holds would keep the server from taking more requests.
            if kind == wire.READ and length > 8 * KIB:
                break
        answered = 0
        try:
            for kind, offset, length, flags, data in sent:
                self.judge(kind, offset, length, flags, data, connection.reply(
                    length if kind == wire.READ else 0, offset))
                answered += 1
        finally:
            for kind, offset, length, flags, data in sent[answered:]:
                if not flags & wire.FAST_ZERO:
                    self.doubt(kind, offset, length, data)

    def judge(self, kind, offset, length, flags, data, answer):
        error, found = answer
        if flags & wire.FAST_ZERO:
            # Nothing is done, nothing owed, and nothing has failed.
            if error != wire.ENOTSUP:
                raise Finding(f"a zero that must be fast is answered by {error}")
            return
        if kind == wire.ZERO:
            data = bytes(length)
        if kind in (wire.WRITE, wire.ZERO):
            if error:
                self.disk.doubt(offset, data)
                self.excuses.add("a request failed")
            else:
                self.disk.accept(offset, data)
        elif kind == wire.READ and not error:
            wrong = self.disk.difference(found, offset, lost=True)
            if wrong is not None:
                raise Finding(f"a read of {length} bytes at {offset} is wrong at {wrong}")

    def doubt(self, kind, offset, length, data):
        if kind in (wire.WRITE, wire.ZERO):
            self.disk.doubt(offset, data or bytes(length))
            self.excuses.add("a request was not answered")

    # Requests that are not

    def vanish(self, connection):
        """Leaves somewhere in a request."""
        offset, length = self.place()
        self.number += 1
        data = pattern(self.number, offset, length)
        message = wire.request(wire.WRITE, offset, length) + data
        cut = self.random.choice(
            [self.random.randrange(29), self.random.randrange(len(message) + 1)])
        try:
            connection.send(message[:cut])
        finally:
            if cut == len(message):
                self.doubt(wire.WRITE, offset, length, data)
            self.drop(connection)

    def speak_badly(self, connection):
        """A request with some field at random, and an answer or a closed connection."""
        draw = self.random.randrange
        wild = [0, 1, 2**16 - 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1, 2**63, 2**64 - 1]
        fields = {
            "command": self.random.choice([*range(12), draw(2**16)]),
            "offset": self.place()[0], "length": self.place()[1], "flags": 0}
        for field in self.random.sample(sorted(fields) + ["magic"], draw(1, 4)):
            bits = {"command": 16, "flags": 16, "length": 32, "magic": 32}.get(field, 64)
            known = [draw(32)] * 8 if field == "flags" else []
            fields[field] = self.random.choice([draw(2**bits), *known, *wild]) % 2**bits
        # A stream without an end would take an hour to fill with zeroes as far as that.
        if self.size is None and fields["offset"] + fields["length"] > 8 * MIB:
            fields["offset"] = 2**63
        connection.send(wire.request(handle=1, **fields))
        offset, length = fields["offset"], fields["length"]
        if fields["command"] == wire.WRITE and length <= 4 * MIB:
            data = pattern(0, offset, length)
            self.doubt(wire.WRITE, offset, length, data)
            connection.send(data)
        elif fields["command"] == wire.ZERO and length <= 8 * MIB:
            self.doubt(wire.ZERO, offset, length, b"")
        # What comes back, if anything, is in no known state: no more is said here.
        self.drop(connection)

    def babble(self):
        """A peer that does not get through the handshake."""
        draw = self.random.randrange
        connection = Connection(self.server.socket)
        try:
            if draw(8):
                connection.greet(self.random.choice([0, 1, 2, 3, draw(2**32)]))
            for _ in range(draw(4)):
                data = self.random.randbytes(draw(100))
                length = self.random.choice([None, None, draw(2**16), draw(2**32)])
                number = self.random.choice([*range(1, 12), draw(2**32)])
                connection.send(
                    self.random.choice(
                        [data, wire.option(number, data, length), struct.pack(">Q", 0)]))
        except Closed:
            pass
        finally:
            connection.close()

    # The end

    def end(self):
        if self.random.random() < 0.2:
            time.sleep(self.random.random() / 50)
        connections, self.connections = self.connections, []
        self.server.process.terminate()
        if connections:
            # nbdkit waits for them.
            time.sleep(0.01)
            for connection in connections:
                connection.close()
        if self.random.random() < 0.05:
            self.excuses.add(IMPATIENCE)
            self.server.process.terminate()
        self.server.wait()
        self.conclude()

    def conclude(self):
        self.reader.end()
        self.server.check_leavings()
        judge(self.server.report(), self.reader, self.disk, self.size, self.excuses)
