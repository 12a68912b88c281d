"""What others did with the processors while something was measured."""

import os
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def busy() -> float:
    """Seconds that all processors worked, or were taken by the host, since the machine started."""
    user, nice, system, _, _, interrupts, soft, stolen = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9])
    return (user + nice + system + interrupts + soft + stolen) / TICKS


def own() -> float:
    """Processor seconds of this process, and of all its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


class Watch:
    """Tells which share of one processor others took since it was made.

    Others are the processes that are not ours, the kernel's own threads, and whatever else the host
    of a virtual machine runs.
    """

    def __init__(self):
        self.start, self.busy, self.own = time.monotonic(), busy(), own()

    def others(self) -> float:
        seconds = time.monotonic() - self.start
        return max(0, (busy() - self.busy) - (own() - self.own)) / seconds
