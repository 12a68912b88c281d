"""One random session with a server that shows a stream as a disk."""

import wire
from disk import pattern
from judgement import IMPATIENCE
from server import Finding, Server, Writer
from session import KIB, MIB, Session


class ReadingSession(Session):
    def __init__(self, seed):
        super().__init__(seed)
        draw = self.random.randrange
        length = self.size or 300 * KIB
        # As long as the disk, or shorter, or longer.
        self.content = pattern(1, 0, self.random.choice([length, draw(length), length + draw(MIB)]))
        self.pads = self.size is not None and self.random.random() < 0.3
        # The source has given all bytes before the one, and may have been asked for those
        # before the other.
        self.given = self.high = 0
        # Whether it may have been asked for more than is known.
        self.is_unsure = False

    @property
    def end_of_reads(self):
        """Where the disk ends, or what can be read of it."""
        most = self.size or len(self.content)
        return most if self.pads else min(most, len(self.content))

    def open_stream(self, chance):
        parameters = [f"rewind={self.windows[1]}"]
        if self.pads:
            parameters.append("pad=true")
        return parameters, "read=@/fifo"

    def meet_other_end(self, chance):
        self.writer = Writer(
            self.server.fifo, self.content, piece=self.random.randrange(1 * KIB, 100 * KIB),
            after=0.2 if chance() < 0.1 else 0, pause=self.random.choice([0, 0, 0.001]))

    # Requests

    kinds = [wire.READ] * 12 + [
        wire.WRITE, wire.ZERO, wire.FLUSH, wire.TRIM, wire.CACHE, wire.BLOCK_STATUS]

    def place(self):
        """Onwards, mostly."""
        draw = self.random.randrange
        length = draw(1, 32 * KIB) if draw(20) else draw(1, 200 * KIB)
        near = self.high
        if draw(3) == 0:
            near = max(0, near + draw(-20 * KIB, 20 * KIB))
        if draw(40) == 0:
            near = draw(self.size or MIB)
        if self.size:
            near = min(near, self.size - 1)
            length = min(length, self.size - near)
        return near, length

    def judge(self, kind, offset, length, flags, data, answer):
        error, found = answer
        if kind in (wire.WRITE, wire.ZERO) and not error:
            raise Finding("a write is accepted by a disk that is read")
        if kind != wire.READ:
            return
        end = offset + length
        if error:
            if offset >= self.high and end <= self.end_of_reads and not self.is_unsure:
                raise Finding(f"a read of {length} bytes at {offset} fails with {error}")
            self.excuses.add("a read failed")
        elif end > self.end_of_reads:
            raise Finding(f"a read of {length} bytes at {offset} goes beyond the end")
        else:
            wanted = self.content[offset:end]
            if found != wanted + bytes(length - len(wanted)):
                raise Finding(f"a read of {length} bytes at {offset} is wrong")
            self.given = max(self.given, end)
        self.high = max(self.high, end)

    def doubt(self, kind, offset, length, data):
        self.is_unsure = True

    def vanish(self, connection):
        self.is_unsure = True
        message = wire.request(wire.READ, *self.place())
        try:
            connection.send(message[:self.random.randrange(len(message) + 1)])
        finally:
            self.drop(connection)

    def speak_badly(self, connection):
        self.is_unsure = True
        super().speak_badly(connection)

    # The end

    def conclude(self):
        self.writer.end()
        self.server.check_leavings()
        report = self.server.report()
        if report is None:
            raise Finding("there is no report")
        outcome, count, there = report["outcome"], report["bytes"], len(self.content)
        story = f"{report}, {there} bytes of {self.size} there, {self.given} read, {self.excuses}"
        if count - report["zero_bytes"] > there or count > (self.size or there):
            raise Finding(f"the report miscounts: {story}")
        # Padding is not counted.
        if outcome == "complete" and not (
                there == count and (count == self.size or count < self.size and self.pads)):
            raise Finding(f"complete is what is not: {story}")
        refused = report["refused_requests"] > 0
        if refused and not self.is_unsure and "a read failed" not in self.excuses:
            raise Finding(f"refused is what nobody saw refused: {story}")
        # Whatever a client did before, or does now.
        is_whole = self.given == self.size and report["missing_bytes"] == 0 and not refused and (
            there == self.size or there < self.size and self.pads)
        if is_whole and outcome != "complete" and IMPATIENCE not in self.excuses:
            raise Finding(f"not complete is what is: {story}")
        if outcome == "failed" and not (
                self.excuses or self.is_unsure or self.size and there > self.size):
            raise Finding(f"failed without a reason: {story}")
        if outcome == "failed" and not report["error"]:
            raise Finding(f"failed without an error: {story}")
