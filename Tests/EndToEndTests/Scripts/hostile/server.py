"""nbdkit with the plugin, a reader at the other end of the stream, and what became of both."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time

import wire
from wire import Hang

ROOT = os.path.normpath(os.path.join(os.path.dirname(__file__), "../../../.."))
PLUGIN = os.environ.get("STREAMING_PLUGIN", f"{ROOT}/build/nbdkit-streaming-plugin.so")
CRASHES = ("Fatal error", "Swift runtime failure", "Segmentation fault", "stack smashing", "free():")


class Finding(Exception):
    """Something that must not be."""


class Reader(threading.Thread):
    """Reads a FIFO to the end of the stream, or as far as it is told to."""

    def __init__(self, path, after=0, pause=0, most=None, keep=True):
        super().__init__(daemon=True)
        self.path, self.after, self.pause, self.most, self.keep = path, after, pause, most, keep
        self.data = bytearray()
        self.count = 0
        self.opened = False
        self.start()

    def run(self):
        time.sleep(self.after)
        try:
            file = os.open(self.path, os.O_RDONLY)
        except FileNotFoundError:  # The plugin's own, and nbdkit has ended.
            return
        self.opened = True
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
        """Waits for the end, when nobody writes any more."""
        self.join(0 if self.opened else self.after)
        try:  # One that has still to open the FIFO would wait for ever.
            os.close(os.open(self.path, os.O_WRONLY | os.O_NONBLOCK))
        except OSError:
            pass
        self.join(wire.LIMIT)
        if self.is_alive():
            raise Hang("the reader sees no end of the stream")


class Server:
    """nbdkit on a socket of its own; in its parameters @ is its directory."""

    def __init__(self, parameters=(), pipe="@/fifo", prefix=(), make_fifo=False):
        self.directory = tempfile.mkdtemp(prefix="hostile-")
        self.fifo = f"{self.directory}/fifo"
        self.socket = f"{self.directory}/socket"
        self.made_fifo = make_fifo
        if make_fifo:
            os.mkfifo(self.fifo, 0o600)
        self.errors = open(f"{self.directory}/errors", "w+", errors="replace")
        self.process = subprocess.Popen(
            [*prefix, "nbdkit", "-f", "-U", self.socket, "-P", f"{self.directory}/pid", PLUGIN,
             *(word.replace("@", self.directory)
               for word in [f"pipe={pipe}", "report=@/report", *parameters])],
            stdin=subprocess.DEVNULL, stdout=self.errors, stderr=self.errors,
            env={**os.environ, "LC_ALL": "C"})
        end = time.monotonic() + 4 * wire.LIMIT
        while not self.file("pid").endswith("\n"):
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
        expected = {"errors", "pid", "socket", "report"}
        if self.made_fifo:
            expected.add("fifo")
        left = set(os.listdir(self.directory)) - expected
        if left:
            raise Finding(f"left behind: {left}")

    def remove(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.errors.close()
        shutil.rmtree(self.directory)
