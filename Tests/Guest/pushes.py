"""Push and mirror, with what may happen to the stream meanwhile, and what the page warns of."""

import shlex
import signal
import time

from machine import kill_server
from monitor import Refused
from recipes import Recipe
from trial import GIVE_UP_SECONDS, SOME, STALL_SECONDS

# So that there are some seconds in which the machine can overwrite what the job has not come to.
SLOW = {"speed": 48 << 20}


def push(
        this, title="Push", then=None, reader=None, command=None, spool=None, ended=False,
        changes=(), **job):
    """The recipe, or other shell commands. `then` is done while the job runs,
    and may have ended it."""
    recipe = Recipe(title, this.place)
    for old in changes:
        recipe.change(old, changes[old])
    if reader:
        recipe.change(f"write-command='cat >{this.place}/vda.raw.zst.part'",
                      f"write-command={shlex.quote(reader)}")
    if spool:
        recipe.change(f"spool={this.place}", f"spool={spool}")
    process = this.start(command or recipe.shell(0))
    this.until(
        lambda: process.poll() is not None or (this.place / "push.sock").exists(), "the socket")
    assert process.poll() is None, "nbdkit has ended too early"
    this.machine.stop()
    this.begin()
    this.send(recipe.messages(0), **job)
    if title == "Push":
        this.copies = this.machine.copy_disks()
    this.machine.go_on()
    if then:
        then(this, process)
    if title == "Mirror":
        def ready_or_gone():
            one = this.monitor.job("stream")
            return one is None or one["status"] == "ready"
        this.until(ready_or_gone, "the mirror's readiness")
        if this.monitor.job("stream"):
            # What is under way is written, and the job follows: then all is the same.
            this.machine.stop()
            this.send(recipe.messages(1)[:1])
            assert this.completed("stream"), "the mirror has not ended as it should"
            this.copies = this.machine.copy_disks()
            this.machine.go_on()
        this.send(recipe.messages(1)[1:])
    elif not ended:
        this.until_job_gone("stream")
        this.send(recipe.messages(1))
    return this.arrived(process.wait(GIVE_UP_SECONDS))


def whole(this, reader):
    """Shell commands that make a file of what they read, after something else."""
    return f"{{ {reader}; cat; }} >{this.place}/vda.raw.zst.part"


def server_killed(this, process):
    time.sleep(2)
    kill_server(process.pid, signal.SIGKILL)


def push_undisturbed(this):
    return push(this, **SLOW)


def push_stalled(this):
    return push(this, reader=whole(this, f"sleep {STALL_SECONDS}"), **SLOW)


def push_dead(this):
    return push(this, reader="head -c 100000 >/dev/null; exit 1", **SLOW)


def push_killed(this):
    return push(this, then=server_killed, speed=16 << 20)


def push_full(this):
    try:
        return push(this, then=continue_when_stopped, spool=this.small("48M"), **SLOW)
    finally:
        this.machine.go_on()
        time.sleep(1)


def continue_when_stopped(this, _):
    """A full spool ends the job, or stops the machine, or both."""
    def over():
        return this.monitor.job("stream") is None or this.stopped_for_space()
    this.until(over, "the full spool")
    if this.monitor.job("stream"):
        time.sleep(2)
        try:
            this.monitor.execute("block-job-cancel", device="stream", force=True)
        except Refused:
            pass
    this.until_job_gone("stream")


def push_by_signal(this):
    """Without the filter, which ends nbdkit when QEMU has left."""
    def leave(this, process):
        this.until_job_gone("stream")
        this.send(Recipe("Push", this.place).messages(1))
        kill_server(process.pid, signal.SIGTERM)
    return push(this, then=leave, changes={" --filter=exitlast": ""}, ended=True, **SLOW)


def push_late(this):
    def then(this, _):
        time.sleep(STALL_SECONDS)
        reader_of_fifo(this, "cat;")
    return push(this, command=to_fifo(this, "rewind=$size"), then=then, **SLOW)


def mirror_undisturbed(this):
    return push(this, "Mirror", **SLOW)


def mirror_stalled(this):
    return push(this, "Mirror", reader=whole(this, f"sleep {STALL_SECONDS}"), **SLOW)


def mirror_late(this):
    def then(this, _):
        time.sleep(STALL_SECONDS)
        reader_of_fifo(this, "cat;")
    return push(this, "Mirror", command=to_fifo(this, "rewind=$size"), then=then, **SLOW)


def mirror_killed(this):
    return push(this, "Mirror", then=server_killed, speed=16 << 20)


def mirror_full(this):
    try:
        return push(this, "Mirror", spool=this.small("48M"), **SLOW)
    finally:
        this.machine.go_on()
        time.sleep(1)


# Without rewind= the machine waits for the reader.

def to_fifo(this, window):
    return (
        f"nbdkit -f -U {this.place}/push.sock --filter=exitlast streaming {this.place}/disk.fifo "
        f"size=$size {window} spool={this.place} compress=zstd report={this.place}/report.json && "
        f"jq -e '.outcome == \"complete\"' {this.place}/report.json && "
        f"mv {this.place}/vda.raw.zst.part {this.place}/vda.raw.zst")


def reader_of_fifo(this, command):
    fifo = this.place / "disk.fifo"
    this.until(fifo.exists, "the FIFO")
    this.start(f"{{ {command} }} <{fifo} >{this.place}/vda.raw.zst.part")


def waiting_late(this):
    def then(this, _):
        time.sleep(STALL_SECONDS)
        reader_of_fifo(this, "cat;")
    return push(this, command=to_fifo(this, "reorder=$size"), then=then)


def waiting_stalled(this):
    def then(this, _):
        reader_of_fifo(this, f"head -c {SOME}; sleep {STALL_SECONDS}; cat;")
    return push(this, command=to_fifo(this, "reorder=$size"), then=then)


def waiting_dead(this):
    def then(this, _):
        reader_of_fifo(this, f"head -c {SOME};")
    return push(this, command=to_fifo(this, "reorder=$size"), then=then)


def waiting_disordered(this):
    def then(this, _):
        reader_of_fifo(this, "cat;")
        # As long as it takes until so much has been overwritten; then somebody ends the job.
        time.sleep(10)
        if this.monitor.job("stream"):
            this.monitor.execute("block-job-cancel", device="stream", force=True)
    return push(this, command=to_fifo(this, "reorder=8M"), then=then, speed=1 << 20)
