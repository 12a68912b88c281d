"""One small stream in each direction, of all that there is, with a system call that goes wrong."""

import os

import wire
from disk import Disk, pattern
from judgement import judge
from server import Finding, Reader, Server, Writer
from wire import Connection

KIB = 1 << 10


class Stream:
    """`end`: fifo, socket or command; `fault`: for Tests/Faults, whose product is `library`."""

    library = ""
    parameter = ""

    def __init__(self, end, fault):
        self.end, self.fault = end, fault
        self.call = fault.split()[0]
        self.endpoint = (
            f"{self.parameter}=@/peer" if end == "socket" else f"{self.parameter}=@/fifo")

    def start(self, *parameters):
        self.server = Server(
            parameters, endpoint=self.endpoint, make_fifo=True, listens=self.end == "socket",
            prefix=["env", f"LD_PRELOAD={self.library}", f"FAULT={self.fault}"])
        return self.server.listener if self.end == "socket" else self.server.fifo

    def play(self, fails):
        """Returns whether the call was made, and whether it was one of the stream's that is
        complete nevertheless.

        `fails`: Something is to go wrong, and not only to be harder.
        """
        try:
            self.run(fails)
            was_injected = "injected " in self.server.log
            report = self.server.report()
            # A client that passes bytes by has not read all of the disk,
            # and that is all there is to say.
            unread = "went by unread"
            is_complete = report is not None and (
                report["outcome"] == "complete"
                or report["outcome"] == "short" and unread in report["error"])
            lines = [line for line in self.server.log.splitlines()
                     if "error: " in line and unread not in line]
            if not is_complete and not (fails and was_injected):
                raise Finding(f"not complete: {report}")
            if is_complete == bool(lines):
                raise Finding(f"what was said and the report differ: {report}")
            self.check_command()
            return was_injected, (
                is_complete and f"injected {self.call} elsewhere" not in self.server.log)
        except Exception as error:
            if hasattr(self, "server"):
                error.add_note(self.server.log[-4000:])
            raise
        finally:
            if hasattr(self, "server"):
                self.server.remove()

    def check_command(self):
        """Nothing is left of the command, nor of who watches over it."""
        group = self.server.file("group")
        if self.end == "command" and group:
            try:
                os.kill(-int(group), 0)
            except ProcessLookupError:
                return
            raise Finding("the command is still there")


class WrittenStream(Stream):
    """In order where something is to fail, so that each request is one call;
    otherwise in no order."""

    parameter = "pipe"

    def run(self, fails):
        if self.end == "command":
            self.endpoint = "write-command=echo $$ >@/group; exec cat >@/fifo"
        count, part = (24, 8 * KIB) if fails else (8, 256 * KIB)
        order = range(count) if fails else [0, 2, 4, 1, 3, 5, 7, 6]
        size = count * part
        parameters = [] if fails else [f"reorder={size}", f"rewind={part}", "spool=@"]
        place = self.start(f"size={size}", *parameters)
        reader = Reader(place, pause=0 if fails else 0.02)
        disk, excuses = Disk(), set()
        connection = Connection(self.server.socket).negotiate()
        answers = []
        for number in order:
            offset = number * part
            is_zero = number % 3 == 2
            data = bytes(part) if is_zero else pattern(number, offset, part)
            connection.send(
                wire.request(wire.ZERO if is_zero else wire.WRITE, offset, part)
                + (b"" if is_zero else data))
            answers.append(connection.reply()[0])
            if answers[-1]:
                excuses.add("a call failed")
                disk.doubt(offset, data)
            else:
                disk.accept(offset, data)
        connection.send(wire.request(wire.FLUSH))
        connection.reply()
        connection.send(wire.request(wire.DISCONNECT))
        connection.close()
        self.server.terminate()
        reader.end()
        if self.end == "command":
            self.server.made_files |= {"group"}
        self.server.check_leavings()
        if fails and "report=" in self.server.log and not any(answers):
            # It was the report that could not be written, and nobody's request.
            if reader.count != size or self.server.report() is not None:
                raise Finding(f"{reader.count} bytes of {size}, {self.server.report()}")
            return
        judge(self.server.report(), reader, disk, size, excuses)
        if fails and "injected " in self.server.log:
            self.check_failure(answers, reader.count // part)

    def check_failure(self, answers, delivered):
        """The call that failed was the request's that says so, and nothing came after it."""
        call, _, number = self.fault.split()
        requests = [index for index in range(len(answers))
                    if call == "send" or (index % 3 == 2) == (call == "vmsplice")]
        if int(number) > len(requests):
            # The call that tells a signal, and no request's.
            if any(answers):
                raise Finding(f"{answers}, and no request has failed")
            return
        first = requests[int(number) - 1]
        if [error != 0 for error in answers] != [index >= first for index in range(len(answers))]:
            raise Finding(f"{answers}, and request {first} has failed")
        if delivered != first:
            raise Finding(f"{delivered} requests were delivered, not {first}")


class ReadStream(Stream):
    """Blocks read once, read again, and passed by."""

    parameter = "read"

    def run(self, fails):
        if self.end == "command":
            self.endpoint = "read-command=echo $$ >@/group; exec cat @/fifo"
        part, count = 8 * KIB, 20
        content = pattern(1, 0, count * part)
        # A failure must not be taken for an end, nor be padded.
        place = self.start(f"size={len(content)}", "rewind=4K", f"pad={fails}")
        # Slower than it is read, now and then.
        writer = Writer(place, content, piece=48 * KIB, pause=0.002)
        # A source that nobody has opened yet is none that has nothing yet.
        if not writer.opened.wait(wire.LIMIT):
            raise Finding("nobody reads the source")
        connection = Connection(self.server.socket).negotiate()
        self.has_failed = False
        for number in range(count):
            if number % 4 == 2:
                continue
            offset = number * part
            self.read(connection, content, offset, part)
            # Once more: the newest part, or where a read has failed.
            self.read(connection, content, *(
                (offset, part) if self.has_failed else (offset + part - KIB, KIB)))
        connection.send(wire.request(wire.DISCONNECT))
        connection.close()
        self.server.terminate()
        writer.end()
        if self.end == "command":
            self.server.made_files |= {"group"}
        self.server.check_leavings()
        report = self.server.report()
        if self.has_failed and (report is None or report["outcome"] != "failed"):
            raise Finding(f"a read has failed and the stream has not: {report}")
        if report["outcome"] == "complete" and report["bytes"] != len(content):
            raise Finding(f"complete is what is not: {report}")

    def read(self, connection, content, offset, length):
        connection.send(wire.request(wire.READ, offset, length))
        error, data = connection.reply(length)
        if error:
            self.has_failed = True
        elif self.has_failed:
            raise Finding(f"a read at {offset} after one that failed is answered")
        elif data != content[offset:offset + length]:
            raise Finding(f"a read of {length} bytes at {offset} is wrong")
