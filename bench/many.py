"""Many streams at once, each of an image of its own."""

import ctypes
import fcntl
import json
import os
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from images import MIB

NOBODY = 65534
SIZE, DATA = 32 * MIB, 16 * MIB
RANDOM = os.urandom(DATA)


def write_image(path: Path, number: int):
    """Half random data, half a hole; no two images are alike."""
    turn = number * 4099
    path.write_bytes(RANDOM[turn:] + RANDOM[:turn])
    os.truncate(path, SIZE)


def proportional(pid: int) -> int:
    """Bytes of memory, what it shares with others divided by their number."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss:\s*(\d+)", text, re.MULTILINE)[1]) << 10


def descriptor_of(pid: int, number: int) -> int:
    """A duplicate of another process's descriptor."""
    process = os.pidfd_open(pid)
    found = ctypes.CDLL(None, use_errno=True).syscall(438, process, number, 0)  # pidfd_getfd
    os.close(process)
    if found == -1:
        raise OSError(ctypes.get_errno(), "pidfd_getfd")
    return found


def eventually(what: str, condition):
    until = time.monotonic() + 60
    while not condition():
        if time.monotonic() > until:
            raise SystemExit(f"waited in vain for {what}")
        time.sleep(0.01)


@dataclass(frozen=True)
class Sample:
    nbdkit: int  # bytes of all of them
    client: int
    pipes: tuple[int, int]  # bytes, the smallest and the largest


class Streams:
    """So many nbdkits, each with its client and its reader. The readers wait for a word, so that
    all streams are under way at one moment."""

    data = DATA

    def __init__(self, images: Path, count: int, prefix: list[str], compressed: bool):
        self.directory = images / f"streams-{time.monotonic_ns()}"
        self.directory.mkdir()
        self.directory.chmod(0o755)
        if prefix:
            os.chown(self.directory, NOBODY, NOBODY)
        os.mkfifo(self.directory / "gate")
        self.numbers = range(count)
        self.prefix = prefix
        self.compressed = compressed
        self.processes = []
        try:
            self.servers = [self.start_server(number) for number in self.numbers]
            self.readers = [self.start_reader(number) for number in self.numbers]
            eventually("the servers", lambda: all(self.pid(number) for number in self.numbers))
            self.clients = [self.start_client(number) for number in self.numbers]
        except BaseException:
            self.end()
            raise

    def start(self, *arguments: str) -> subprocess.Popen:
        process = subprocess.Popen([*self.prefix, *arguments], cwd=self.directory)
        self.processes.append(process)
        return process

    def start_server(self, number: int) -> subprocess.Popen:
        os.mkfifo(self.directory / f"{number}.fifo")
        (self.directory / f"{number}.fifo").chmod(0o666)
        return self.start(
            "nbdkit", "--exit-with-parent", "-f", "--filter=exitlast", "-U", f"{number}.socket",
            "-P", f"{number}.pid", "../streaming.so", f"{number}.fifo", f"size={SIZE}",
            f"report={number}.json", *(["compress=zstd"] if self.compressed else []))

    def start_reader(self, number: int) -> subprocess.Popen:
        compare = 'zstd -dc <&3 | cmp - "$2"' if self.compressed else 'exec cmp - "$2" <&3'
        script = f'exec 3<"$1"; read go <gate; {compare}'
        return self.start("sh", "-c", script, "sh", f"{number}.fifo", f"../{number}.raw")

    def start_client(self, number: int) -> subprocess.Popen:
        return self.start(
            "qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", f"../{number}.raw",
            f"nbd+unix:///?socket={number}.socket")

    def pid(self, number: int) -> int | None:
        if self.servers[number].poll() is not None:
            raise SystemExit("nbdkit did not start")
        try:
            return int((self.directory / f"{number}.pid").read_text() or 0) or None
        except FileNotFoundError:
            return None

    def wait_until_all_are_under_way(self):
        """Until each has put a piece of its image into its pipe."""
        def written(process: subprocess.Popen) -> int:
            return int(re.search(r"wchar: (\d+)", Path(f"/proc/{process.pid}/io").read_text())[1])

        eventually("all streams", lambda: all(written(server) > 4096 for server in self.servers))

    def sample(self) -> Sample:
        def capacity(number: int) -> int:
            # Its reader's own: an open of the FIFO would be that of a second reader.
            pipe = descriptor_of(self.readers[number].pid, 3)
            try:
                return fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ)
            finally:
                os.close(pipe)

        pipes = [capacity(number) for number in self.numbers]
        return Sample(
            sum(proportional(server.pid) for server in self.servers),
            sum(proportional(client.pid) for client in self.clients), (min(pipes), max(pipes)))

    def finish(self) -> float:
        """Lets the readers read, and returns the seconds until the last stream has ended."""
        started = time.monotonic()
        gate = os.open(self.directory / "gate", os.O_WRONLY)
        os.write(gate, b"\n" * len(self.readers))
        for process in self.processes:
            process.wait(timeout=100)
        seconds = time.monotonic() - started
        os.close(gate)
        return seconds

    def right(self) -> int:
        """How many streams were complete, by their reports, and the same as their images."""
        def is_right(number: int) -> bool:
            report = json.loads((self.directory / f"{number}.json").read_text())
            return report["outcome"] == "complete" and self.readers[number].returncode == 0

        return sum(map(is_right, self.numbers))

    def end(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()
