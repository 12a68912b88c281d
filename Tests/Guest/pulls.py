"""Pull, with what may happen to the stream meanwhile."""

import shlex
import signal
import time

from machine import kill_server
from recipes import Recipe
from trial import GIVE_UP_SECONDS, SOME, STALL_SECONDS


def pull(this, reader=None, then=None, scratch=None):
    recipe = Recipe("Pull", this.place)
    if scratch:
        recipe.change(f"{this.place}/vda.qcow2", f"{scratch}/vda.qcow2")
    if reader:
        recipe.change(f"-o {this.place}/vda.raw.zst", f"-c {shlex.quote(reader)}")
    this.shell(recipe.shell(0))
    this.machine.stop()
    this.begin()
    this.send(recipe.messages(0))
    this.copies = this.machine.copy_disks()
    this.machine.go_on()
    # Time to overwrite what has not been read yet.
    time.sleep(2)
    process = this.start(recipe.shell(1))
    if then:
        then(this, process)
    try:
        status = process.wait(GIVE_UP_SECONDS)
    finally:
        this.send(recipe.messages(1))
        this.shell(recipe.shell(2))
    return this.arrived(status)


def undisturbed(this):
    return pull(this)


def stalled(this):
    target = f"{this.place}/vda.raw.zst"
    return pull(this, f"{{ head -c {SOME}; sleep {STALL_SECONDS}; cat; }} >{target}.part && "
                f"mv {target}.part {target}")


def dead(this):
    return pull(this, f"head -c {SOME} >{this.place}/part; exit 1")


def killed(this):
    def then(this, process):
        # In the middle: the reader has begun and waits.
        this.until(lambda: (this.place / "part").exists(), "the first bytes")
        kill_server(process.pid, signal.SIGKILL)
        time.sleep(2)
    return pull(this, f"head -c {SOME} >{this.place}/part; sleep 20; cat >/dev/null", then)


def full(this):
    def then(this, process):
        this.until(this.stopped_for_space, "the full directory")
        time.sleep(2)
        process.terminate()
    try:
        return pull(this, f"sleep {GIVE_UP_SECONDS}; cat >/dev/null", then, this.small("6M"))
    finally:
        # The write is done again, and without a copy before it.
        this.monitor.execute("cont")
        time.sleep(1)
