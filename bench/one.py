"""What one stream costs."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from images import KIB, Images
from memory import memory
from process import server, threads
from rows import convert

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    nbdkit: float  # processor seconds
    client: float  # the same
    memory: int  # bytes, at most
    descriptors: int
    threads: int


def seconds(pid: int) -> float:
    """Processor time of a process, its own and the kernel's for it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def cost(images: Images, image: str, *parameters: str) -> Cost:
    images.make(image)
    plugin = ["./streaming.so", "-", f"size={images.size(image)}", *parameters]
    with server(plugin, images.directory) as pid:
        client = convert(image).replace('"$uri"', "nbd+unix:///?socket=socket")
        before = seconds(pid)
        descriptors = running = 0
        with subprocess.Popen(client.split(), cwd=images.directory) as process:
            while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                descriptors = max(descriptors, len(os.listdir(f"/proc/{pid}/fd")))
                running = max(running, threads(pid))
                os.sched_yield()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"failed: {client}")
        return Cost(
            seconds(pid) - before, usage.ru_utime + usage.ru_stime, memory(pid, "VmHWM") * KIB,
            descriptors, running)
