"""nbdkit with the plugin, a reader at the other end of the stream, and what became of both."""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import wire
from wire import Hang

ROOT = os.path.normpath(os.path.join(os.path.dirname(__file__), "../../../.."))
PLUGIN = os.environ.get("STREAMING_PLUGIN", f"{ROOT}/build/nbdkit-streaming-plugin.so")
CRASHES = (
    "Fatal error", "Swift runtime failure", "Segmentation fault", "stack smashing", "free():")


class Finding(Exception):
    """Something that must not be."""


def open_end(place, mode):
    """This end of a stream whose other end is nbdkit's: by a FIFO's path
    or a socket that listens."""
    return os.open(place, mode) if isinstance(place, str) else place.accept()[0].detach()


class Peer(threading.Thread):
    """Whoever is at the other end of nbdkit's stream."""

    def __init__(self, place):
        super().__init__(daemon=True)
        self.place = place
        self.opened = threading.Event()
        self.start()

    def end(self, mode, finding):
        """Waits for the end, when nobody is at nbdkit's end any more.

        Until it has opened a FIFO it may be waiting, now or soon, for somebody
        to open it in `mode`.
        """
        end = time.monotonic() + wire.LIMIT
        while self.is_alive() and time.monotonic() < end:
            if not self.opened.is_set():
                try:
                    os.close(os.open(self.place, mode | os.O_NONBLOCK))
                except (OSError, TypeError):
                    pass
            self.join(0.01)
        if self.is_alive():
            raise Hang(finding)


class Reader(Peer):
    """Reads a stream to its end, or as far as it is told to."""

    def __init__(self, place, after=0, pause=0, most=None, keep=True):
        self.after, self.pause, self.most, self.keep = after, pause, most, keep
        self.data = bytearray()
        self.count = 0
        super().__init__(place)

    def run(self):
        time.sleep(self.after)
        try:
            file = open_end(self.place, os.O_RDONLY)
        except FileNotFoundError:  # The plugin's own, and nbdkit has ended.
            return
        self.opened.set()
        left = self.most
        while left is None or left > 0:
            part = os.read(file, 1 << 20 if left is None else min(left, 1 << 20))
            if not part:
                break
            self.count += len(part)
            if self.keep:
                self.data += part
            if left is not None:
                left -= len(part)
            if self.pause:
                time.sleep(self.pause)
                self.pause = 0
        os.close(file)

    def end(self):
        super().end(os.O_WRONLY, "the reader sees no end of the stream")


class Writer(Peer):
    """Writes `data`, in pieces, as far as somebody takes it."""

    def __init__(self, place, data, piece=1 << 20, after=0, pause=0):
        self.data, self.piece, self.after, self.pause = data, piece, after, pause
        super().__init__(place)

    def run(self):
        time.sleep(self.after)
        try:
            file = open_end(self.place, os.O_WRONLY)
        except FileNotFoundError:
            return
        self.opened.set()
        try:
            for start in range(0, len(self.data), self.piece):
                rest = memoryview(self.data)[start:start + self.piece]
                while rest:
                    rest = rest[os.write(file, rest):]
                time.sleep(self.pause)
        except OSError:  # Nobody wants the rest.
            pass
        os.close(file)

    def end(self):
        super().end(os.O_RDONLY, "the writer is not told that nobody reads")


class Server:
    """nbdkit on a socket of its own; in its parameters @ is its directory. `with` ends
    and removes it.

    `listens`: somebody is to be connected to, at @/peer. `waits`: until it serves. `plugin`:
    another than the one under test, which is given nothing but its parameters.
    `options`: nbdkit's own.
    """

    def __init__(
            self, parameters=(), endpoint="pipe=@/fifo", prefix=(), make_fifo=False, listens=False,
            waits=True, plugin=None, options=()):
        self.directory = tempfile.mkdtemp(prefix="hostile-")
        self.fifo = f"{self.directory}/fifo"
        self.socket = f"{self.directory}/socket"
        # What may be there at the end; others add theirs.
        self.made_files = {"errors", "pid", "socket", "report", "peer"}
        if make_fifo:
            os.mkfifo(self.fifo, 0o600)
            self.made_files.add("fifo")
        if listens:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(f"{self.directory}/peer")
            self.listener.listen()
        self.errors = open(f"{self.directory}/errors", "w+", errors="replace")
        self.process = subprocess.Popen(
            [*prefix, "nbdkit", "-f", "-U", self.socket, "-P", f"{self.directory}/pid", *options,
             plugin or PLUGIN,
             *(word.replace("@", self.directory)
               for word in [*([] if plugin else [endpoint, "report=@/report"]), *parameters])],
            stdin=subprocess.DEVNULL, stdout=self.errors, stderr=self.errors,
            env={**os.environ, "LC_ALL": "C"})
        end = time.monotonic() + 4 * wire.LIMIT
        while waits and not self.file("pid").endswith("\n"):
            if self.process.poll() is not None:
                break
            if time.monotonic() > end:
                self.remove()
                raise Hang("nbdkit does not start")
            time.sleep(0.002)

    def file(self, name):
        try:
            with open(f"{self.directory}/{name}", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    @property
    def log(self):
        return self.file("errors")

    @property
    def pid(self):
        return int(self.file("pid"))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def kibibytes(self, field="VmRSS"):
        with open(f"/proc/{self.pid}/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith(field))

    def terminate(self):
        """Sends SIGTERM and waits for the end, which must be an orderly one."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.wait()

    def wait(self, expected=0):
        try:
            status = self.process.wait(wire.LIMIT)
        except subprocess.TimeoutExpired:
            raise Hang("nbdkit does not end") from None
        if status != expected:
            raise Finding(f"nbdkit ended with status {status}")
        for words in CRASHES:
            if words in self.log:
                raise Finding(f"nbdkit said: {words}")

    def report(self):
        text = self.file("report")
        return json.loads(text) if text else None

    def check_leavings(self):
        """Nothing is left but what was there and what was asked for."""
        left = set(os.listdir(self.directory)) - self.made_files
        if left:
            raise Finding(f"left behind: {left}")

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if error:
            error.add_note(self.log[-4000:])
        self.remove()

    def remove(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if hasattr(self, "listener"):
            self.listener.close()
        self.errors.close()
        shutil.rmtree(self.directory)
