"""Examples/LiveBackup/live-backup.py on a machine of two disks, with what may happen meanwhile."""

import os
import shlex
import signal
import subprocess
import sys
import time

from machine import command_of, descendants, name_of, run
from monitor import Refused
from trial import GIVE_UP_SECONDS, STALL_SECONDS


def live(this, then=None, expected=0, scratch=None, before=""):
    """Examples/LiveBackup/live-backup.py; `before` are shell commands before each stream-disk."""
    scratch = scratch or this.place / "scratch"
    scratch.mkdir(exist_ok=True)
    (this.place / "bin").mkdir()
    stand_in = this.place / "bin" / "stream-disk"
    stand_in.write_text(
        f"#!/bin/sh\n{before}\nexec {shlex.quote(str(this.tools.command))} \"$@\"\n")
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
        [sys.executable, "-B", this.tools.example, "--qmp", this.place / monitor,
         "--scratch", scratch, "--reserve", "1", "vda=vda.raw.zst", "vdb=vdb.raw.zst",
         "--", "--zstd", "--quiet"],
        env=this.environment, cwd=this.place,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    this.started.append(process)
    return process


def remove_by_example(this):
    """The example's other half, for what a killed one has left."""
    run(sys.executable, "-B", this.tools.example, "--qmp", this.place / "qmp2.sock",
        "--remove", "vda", "vdb", stdout=subprocess.DEVNULL)


def until_nothing_is_left(this, scratch):
    assert not this.monitor.execute("query-jobs"), "a job is left"
    assert not this.monitor.execute("query-block-exports"), "an export is left"
    assert this.named() == this.nodes, f"nodes are left: {this.named() - this.nodes}"
    assert not list(scratch.rglob("*.qcow2")), "images are left"
    assert not list(this.place.glob("*.new*")), "half a backup is left"
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


def undisturbed(this):
    return live(this, before="sleep 2")


def stalled(this):
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


def killed_server(this):
    def then(this, process):
        os.kill(server_of(this, process, "vda"), signal.SIGKILL)
    return live(this, then, expected=1)


def ended(this):
    def then(this, process):
        server_of(this, process, "vda")
        process.send_signal(signal.SIGTERM)
    return live(
        this, then, expected=128 + signal.SIGTERM, before="case $* in *vdb*) sleep 20 ;; esac")


def killed(this):
    def then(this, process):
        process.kill()
        process.wait()
        time.sleep(3)
        assert this.monitor.execute("query-jobs"), "no job is left to be removed"
        remove_by_example(this)
    return live(this, then, expected=-signal.SIGKILL, before="sleep 20")


def full(this):
    return live(this, expected=1, scratch=this.small("6M"), before="exec sleep 50")
