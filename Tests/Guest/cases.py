"""What is tried: each way to back up, and what may happen meanwhile."""

import os
import shlex
import signal
import subprocess
import sys
import time

from machine import command_of, descendants, kill_server, name_of, run
from monitor import Refused
from recipes import Recipe

# What a reader that stalls, and a reader that comes late, lets wait.
STALL_SECONDS = 8
GIVE_UP_SECONDS = 60
SOME = 16 << 20
# So that there are some seconds in which the machine can overwrite what the job has not come to.
SLOW = {"speed": 48 << 20}


class Try:
    """One way on one machine."""

    def __init__(self, machine, tools):
        self.machine, self.monitor, self.place = machine, machine.monitor, machine.place
        self.tools = tools
        self.size = os.path.getsize(machine.disks["vda"])
        self.environment = {
            **os.environ, "size": str(self.size), "TMPDIR": str(self.place), "STREAM_DISK_PLUGIN": str(tools.plugin),
            "PATH": f"{self.place}/bin:{tools.command.parent}:{os.environ['PATH']}"}
        self.log = open(self.place / "log", "ab")
        self.started = []
        self.copies = {}
        self.since = time.monotonic()
        self.nodes = self.named()

    def close(self):
        for process in self.started:
            for child in [*descendants(process.pid), process.pid] if process.poll() is None else []:
                try:
                    os.kill(child, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            process.wait()
        self.log.close()

    def named(self):
        return {node["node-name"] for node in self.monitor.execute("query-named-block-nodes", flat=True)
                if not node["node-name"].startswith("#")}

    def begin(self):
        """From here on what the machine sees counts."""
        self.since = time.monotonic()

    def start(self, command):
        """Shell commands of the page, with the plugin that is tried."""
        command = command.replace(" streaming ", f" {shlex.quote(str(self.tools.plugin))} ")
        process = subprocess.Popen(
            ["bash", "-c", command], cwd=self.place, env=self.environment, stdin=subprocess.DEVNULL,
            stdout=self.log, stderr=self.log)
        self.started.append(process)
        return process

    def shell(self, command):
        status = self.start(command).wait(GIVE_UP_SECONDS)
        assert status == 0, f"exit status {status} of: {command}"

    def send(self, messages, **more):
        """The monitor's commands of the page; what begins the end of something is waited for."""
        for message in messages:
            arguments = dict(message.get("arguments", {}))
            if message["execute"] in ("blockdev-backup", "blockdev-mirror"):
                arguments |= more
            self.monitor.send({"execute": message["execute"], "arguments": arguments})
            if message["execute"] == "block-job-cancel":
                self.until_job_gone(arguments["device"])
            if message["execute"] == "block-export-del":
                self.until(lambda: self.monitor.export(arguments["id"]) is None, "the export's end")

    def until(self, condition, what, seconds=GIVE_UP_SECONDS):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"{what} did not come within {seconds} s"
            time.sleep(0.05)

    def until_job_gone(self, name):
        self.until(lambda: self.monitor.job(name) is None, f"the end of the job {name}")

    def stopped_for_space(self):
        return self.monitor.execute("query-status")["status"] == "io-error"

    def small(self, size):
        """A directory that is full soon."""
        directory = self.place / "small"
        directory.mkdir()
        run("mount", "-t", "tmpfs", "-o", f"size={size}", "small", directory)
        return directory

    def arrived(self, status, disk="vda"):
        """What is there in the end, in words."""
        backup = self.place / f"{disk}.raw.zst"
        if not backup.exists():
            return "none" if status != 0 else "none, and exit status 0"
        if status != 0:
            return f"a file, and exit status {status}"
        decoded = subprocess.Popen(["zstd", "-dcq", backup], stdout=subprocess.PIPE)
        same = subprocess.run(["cmp", "-s", "-", self.copies[disk]], stdin=decoded.stdout).returncode == 0
        decoded.stdout.close()
        return "the disk" if decoded.wait() == 0 and same else "ANOTHER DISK"


# Pull

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


def pull_undisturbed(this):
    return pull(this)


def pull_stalled(this):
    target = f"{this.place}/vda.raw.zst"
    return pull(this, f"{{ head -c {SOME}; sleep {STALL_SECONDS}; cat; }} >{target}.part && "
                f"mv {target}.part {target}")


def pull_dead(this):
    return pull(this, f"head -c {SOME} >{this.place}/part; exit 1")


def pull_killed(this):
    def then(this, process):
        # In the middle: the reader has begun and waits.
        this.until(lambda: (this.place / "part").exists(), "the first bytes")
        kill_server(process.pid, signal.SIGKILL)
        time.sleep(2)
    return pull(this, f"head -c {SOME} >{this.place}/part; sleep 20; cat >/dev/null", then)


def pull_full(this):
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


# Push and mirror

def push(this, title="Push", then=None, reader=None, command=None, spool=None, ended=False, changes=(),
         **job):
    """The recipe, or other shell commands. `then` is done while the job runs, and may have ended it."""
    recipe = Recipe(title, this.place)
    for old in changes:
        recipe.change(old, changes[old])
    if reader:
        recipe.change(f"write-command='cat >{this.place}/vda.raw.zst.part'",
                      f"write-command={shlex.quote(reader)}")
    if spool:
        recipe.change(f"spool={this.place}", f"spool={spool}")
    process = this.start(command or recipe.shell(0))
    this.until(lambda: (this.place / "push.sock").exists(), "the socket")
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


# What the page warns of: without rewind= the machine waits for the reader

def to_fifo(this, window):
    return (f"nbdkit -f -U {this.place}/push.sock --filter=exitlast streaming {this.place}/disk.fifo "
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


# The example, with two disks

def live(this, then=None, expected=0, scratch=None, before=""):
    """Examples/LiveBackup/live-backup.py; `before` are shell commands before each stream-disk."""
    scratch = scratch or this.place / "scratch"
    scratch.mkdir(exist_ok=True)
    (this.place / "bin").mkdir()
    stand_in = this.place / "bin" / "stream-disk"
    stand_in.write_text(f"#!/bin/sh\n{before}\nexec {shlex.quote(str(this.tools.command))} \"$@\"\n")
    stand_in.chmod(0o755)
    this.machine.stop()
    this.begin()
    this.copies = this.machine.copy_disks()
    process = start_example(this, scratch)
    this.until(lambda: len(this.monitor.execute("query-jobs")) == 2, "the transaction")
    this.machine.go_on()
    if then:
        then(this, process)
    table = process.communicate(timeout=GIVE_UP_SECONDS)[0]
    tell(table)
    assert process.returncode == expected, f"exit status {process.returncode} and not {expected}"
    until_nothing_is_left(this, scratch)
    return ", ".join(
        f"{disk}: " + this.arrived(0 if (this.place / f"{disk}.raw.zst").exists() else 1, disk)
        for disk in this.copies)


def tell(text):
    print("".join(f"  | {line}\n" for line in text.splitlines()), end="", flush=True)


def start_example(this, scratch, monitor="qmp2.sock"):
    process = subprocess.Popen(
        [sys.executable, "-B", this.tools.example, "--qmp", this.place / monitor, "--scratch", scratch,
         "--reserve", "1", "vda=vda.raw.zst", "vdb=vdb.raw.zst", "--", "--zstd", "--quiet"],
        env=this.environment, cwd=this.place, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    this.started.append(process)
    return process


def remove_by_example(this):
    """The example's other half, for what a killed one has left."""
    run(sys.executable, "-B", this.tools.example, "--qmp", this.place / "qmp2.sock", "--remove", "vda", "vdb",
        stdout=subprocess.DEVNULL)


def until_nothing_is_left(this, scratch):
    assert not this.monitor.execute("query-jobs"), "a job is left"
    assert not this.monitor.execute("query-block-exports"), "an export is left"
    assert this.named() == this.nodes, f"nodes are left: {this.named() - this.nodes}"
    assert not list(scratch.rglob("*.qcow2")), "images are left"
    try:
        this.monitor.execute("nbd-server-stop")
    except Refused:
        return
    raise AssertionError("the NBD server is left")


def server_of(this, process, disk):
    """The nbdkit that the example's stream-disk has for a disk."""
    def found():
        for child in descendants(process.pid):
            if f"/{disk}?socket=".encode() in command_of(child):
                for server in [child, *descendants(child)]:
                    if name_of(server) == "nbdkit":
                        return server
        return None
    this.until(found, f"the nbdkit of {disk}")
    return found()


def live_undisturbed(this):
    return live(this, before="sleep 2")


def live_stalled(this):
    def then(this, process):
        server = server_of(this, process, "vda")
        os.kill(server, signal.SIGSTOP)
        # Another backup of the same disk is refused, and does no harm to this one.
        second = start_example(this, this.place / "scratch", "qmp3.sock")
        tell(second.communicate(timeout=GIVE_UP_SECONDS)[0])
        assert second.returncode == 1, f"the second has exit status {second.returncode}"
        time.sleep(STALL_SECONDS)
        os.kill(server, signal.SIGCONT)
    return live(this, then)


def live_killed_server(this):
    def then(this, process):
        os.kill(server_of(this, process, "vda"), signal.SIGKILL)
    return live(this, then, expected=1)


def live_ended(this):
    def then(this, process):
        server_of(this, process, "vda")
        process.send_signal(signal.SIGTERM)
    return live(this, then, expected=128 + signal.SIGTERM, before="case $* in *vdb*) sleep 20 ;; esac")


def live_killed(this):
    def then(this, process):
        process.kill()
        process.wait()
        time.sleep(3)
        assert this.monitor.execute("query-jobs"), "no job is left to be removed"
        remove_by_example(this)
    return live(this, then, expected=-signal.SIGKILL, before="sleep 20")


def live_full(this):
    return live(this, expected=1, scratch=this.small("6M"), before="sleep 50")


# (way, what happens, what runs it, what arrives, whether the machine must see no error)
CASES = [
    ("pull", "nothing", pull_undisturbed, "the disk", True),
    ("pull", f"the reader stalls for {STALL_SECONDS} s", pull_stalled, "the disk", True),
    ("pull", "the reader dies", pull_dead, "none", True),
    ("pull", "nbdkit is killed", pull_killed, "none", True),
    ("pull", "the temporary image's directory is full", pull_full, "none", True),
    ("mirror", "nothing", mirror_undisturbed, "the disk", True),
    ("mirror", f"the reader stalls for {STALL_SECONDS} s", mirror_stalled, "the disk", True),
    ("mirror", f"a FIFO's reader comes after {STALL_SECONDS} s", mirror_late, "the disk", True),
    ("mirror", "nbdkit is killed", mirror_killed, "none", True),
    ("mirror", "the spool is full", mirror_full, "none", True),
    ("push", "nothing", push_undisturbed, "the disk", True),
    ("push", "nothing; ended by SIGTERM, not by exitlast", push_by_signal, "the disk", True),
    ("push", f"the reader stalls for {STALL_SECONDS} s", push_stalled, "the disk", True),
    ("push", "the reader dies", push_dead, "none", True),
    ("push", "nbdkit is killed", push_killed, "none", False),
    ("push", f"a FIFO's reader comes after {STALL_SECONDS} s", push_late, "the disk", True),
    ("push", "the spool is full", push_full, "none", False),
    ("push, `reorder=$size`", f"a FIFO's reader comes after {STALL_SECONDS} s", waiting_late, "the disk",
     False),
    ("push, `reorder=$size`", f"the reader stalls for {STALL_SECONDS} s", waiting_stalled, "the disk", False),
    ("push, `reorder=$size`", "the reader dies", waiting_dead, "none", False),
    ("push, `reorder=8M`", "the job is slow", waiting_disordered, "none", False),
    ("`live-backup.py`", "nothing", live_undisturbed, "vda: the disk, vdb: the disk", True),
    ("`live-backup.py`", f"one nbdkit stands still for {STALL_SECONDS} s", live_stalled,
     "vda: the disk, vdb: the disk", True),
    ("`live-backup.py`", "one nbdkit is killed", live_killed_server, "vda: none, vdb: the disk", True),
    ("`live-backup.py`", "it gets SIGTERM", live_ended, "vda: none, vdb: none", True),
    ("`live-backup.py`", "it is killed, and `--remove` follows", live_killed, "vda: none, vdb: none", True),
    ("`live-backup.py`", "its scratch directory is full", live_full, "vda: none, vdb: none", True),
]
