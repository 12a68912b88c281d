#!/usr/bin/python3
"""Back up disks of a running QEMU guest, all as of one point in time, each as one verified object.

usage: live-backup.py --qmp SOCKET --scratch DIRECTORY [--reserve MIB] [--timeout SECONDS]
                      NODE=TARGET [NODE=TARGET ...] [-- OPTION ...]
       live-backup.py --qmp SOCKET --remove NODE [NODE ...]

NODE is the node name of a disk (query-named-block-nodes lists them), TARGET the file that gets its
backup. It has that name only once it is whole; what had the name before stays until then. What
follows -- is passed on to each "stream-disk write", as in "-- --zstd --quiet".

How it works. For each disk a temporary qcow2 image is made in the scratch directory, with the disk
as its backing file. In one transaction a job is started on each disk that copies what the guest is
about to overwrite into that image. So the images show all disks as they were at the moment of the
transaction. QEMU exports them over NBD, and each is pulled by a stream-disk of its own, all at the
same time: a slow or dead reader costs the guest nothing.

What the guest overwrites during the backup has to fit into the scratch directory. When less than
--reserve is free there (1024 MiB if it is not given) the backup is given up, so that it is not the
guest that runs out of space.

Whatever happens, jobs, exports and images are removed at the end, and one line a disk says what
became of it. Only SIGKILL prevents that: --remove makes up for it, but for a file TARGET.*.new.

It has to run on QEMU's host as the user that QEMU runs as, because QEMU opens what is made in the
scratch directory.

Exit status: 0 if all disks are whole; 1 if one is not, or something failed; 2 for a wrong usage;
3 if nothing failed, but one is short or not known to be whole; 128 and the number of a signal.
"""

import argparse
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse

# How long QEMU takes to answer does not depend on the size of a disk, so an answer comes soon.
ANSWER_SECONDS = 30
LOOK_SECONDS = 0.2


class Failure(Exception):
    """What ends the backup, in one line."""


class Signals:
    """Remembers the first signal that asks for the end. It is looked for where a backup can end."""

    def __init__(self):
        self.number = None
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self.remember)

    def remember(self, number, _):
        self.number = self.number or number

    def check(self):
        if self.number:
            raise Failure(f"ended by {signal.Signals(self.number).name}")


class Monitor:
    """QEMU's monitor, one command at a time."""

    def __init__(self, path):
        self.count = 0
        # Whether QEMU's NBD server was started here.
        self.serves = False
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(ANSWER_SECONDS)
        try:
            self.socket.connect(path)
        except OSError as error:
            raise Failure(f"can't connect to --qmp={path}: {error.strerror}") from error
        self.lines = self.socket.makefile("r", encoding="utf-8")
        try:
            self.read()
        except Failure as failure:
            # QEMU talks to one client of a monitor at a time, and makes the others wait.
            raise Failure(f"--qmp={path}: {failure}; does another program use it?") from failure
        self.execute("qmp_capabilities")

    def read(self):
        try:
            line = self.lines.readline()
        except OSError as error:
            raise Failure(f"QEMU does not answer: {error}") from error
        if not line:
            raise Failure("QEMU has closed the monitor")
        return json.loads(line)

    def execute(self, command, **arguments):
        """QEMU's answer to a command."""
        self.count += 1
        message = {"execute": command, "id": self.count, "arguments": {
            key.replace("_", "-"): value for key, value in arguments.items()}}
        try:
            self.socket.sendall((json.dumps(message) + "\n").encode())
        except OSError as error:
            raise Failure(f"can't write to the monitor: {error}") from error
        while True:
            answer = self.read()
            # Anything else is an event, and is ignored: this program asks for what it needs to
            # know.
            if answer.get("id") == self.count:
                if "error" in answer:
                    raise Failure(f"{command}: {answer['error']['desc']}")
                return answer["return"]

    def nodes(self):
        return {node["node-name"]: node
                for node in self.execute("query-named-block-nodes", flat=True)}

    def job(self, name):
        return next((job for job in self.execute("query-jobs") if job["id"] == name), None)

    def export(self, name):
        return next(
            (one for one in self.execute("query-block-exports") if one["id"] == name), None)

    def status(self):
        return self.execute("query-status")["status"]


class Disk:
    """A disk of the guest, and what QEMU has for its backup."""

    def __init__(self, node, target=None):
        self.node = node
        self.target = target
        # The name until it is known that what has arrived is of the point in time.
        self.aside = f"{target}.{secrets.token_hex(4)}.new"
        # The name of the image's node, the job and the export; each of these kinds has names of its
        # own.
        self.name = f"live-backup-{node}"
        self.file = f"{self.name}-file"
        self.stream = None
        self.status = None
        self.outcome = "not begun"

    def prepare(self, monitor, size, scratch):
        """Makes the temporary image, and a node of it."""
        image = os.path.join(scratch, f"{self.node}.qcow2")
        made = subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", image, str(size)],
                              stderr=subprocess.PIPE, text=True, check=False)
        if made.returncode != 0:
            raise Failure(made.stderr.strip())
        monitor.execute("blockdev-add", driver="qcow2", node_name=self.name, backing=self.node,
                        file={"driver": "file", "node-name": self.file, "filename": image})

    def action(self):
        """What the transaction does. A job that fails stays until it is dismissed, and is seen."""
        return {"type": "blockdev-backup", "data": {
            "job-id": self.name, "device": self.node, "target": self.name, "sync": "none",
            "auto-dismiss": False}}

    def pull(self, monitor, server, options):
        monitor.execute("block-export-add", type="nbd", id=self.name, node_name=self.name,
                        name=self.node, writable=False)
        self.outcome = "not finished"
        # It has a session of its own, so that ^C reaches only this program, which ends it in order.
        self.stream = subprocess.Popen(
            ["stream-disk", "write", *options,
             f"nbd+unix:///{self.node}?socket={urllib.parse.quote(server)}", "-o", self.aside],
            stdin=subprocess.DEVNULL, start_new_session=True)

    def check(self, monitor):
        """The image shows the point in time as long as the job is there."""
        job = monitor.job(self.name)
        if job is None or job["status"] == "concluded":
            self.status, self.outcome = 1, "not of that point in time"
            error = (job or {}).get("error", "it has gone")
            raise Failure(f"the job of {self.node} has ended too early: {error}")

    def look(self, monitor):
        """Whether the pull has ended, and how."""
        ended = self.stream.poll()
        self.check(monitor)
        if ended is None:
            return False
        if ended == 0:
            os.replace(self.aside, self.target)
        words = {0: "whole", 3: "short, or not known to be whole"}
        self.status, self.outcome = ended, words.get(ended, f"failed, status {ended}")
        return True

    def end_stream(self):
        """Ends a pull that goes on, and removes what it has made and is not the backup."""
        if self.stream is None:
            return
        if self.stream.poll() is None:
            self.stream.terminate()
        try:
            self.stream.wait(ANSWER_SECONDS)
        except subprocess.TimeoutExpired:
            self.stream.kill()
            self.stream.wait()
        if os.path.exists(self.aside):
            os.remove(self.aside)

    def remove(self, monitor):
        """Removes what QEMU has for the backup, as far as it is there."""
        if monitor.export(self.name):
            monitor.execute("block-export-del", id=self.name, mode="hard")
            until(lambda: monitor.export(self.name) is None, f"the export {self.name} does not end")
        if monitor.job(self.name):
            self.end_job(monitor)
        if self.name in monitor.nodes():
            monitor.execute("blockdev-del", node_name=self.name)

    def end_job(self, monitor):
        if monitor.job(self.name)["status"] != "concluded":
            monitor.execute("job-cancel", id=self.name)
            until(lambda: monitor.job(self.name)["status"] == "concluded",
                  f"the job {self.name} does not end")
        monitor.execute("job-dismiss", id=self.name)


def until(condition, otherwise):
    deadline = time.monotonic() + ANSWER_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise Failure(otherwise)
        time.sleep(0.02)


def refuse_leftovers(monitor, disks, nodes):
    """What has the names of a backup belongs to another one: nothing of it may be touched."""
    for disk in disks:
        if disk.node not in nodes:
            known = ", ".join(sorted(name for name in nodes if not name.startswith("#")))
            raise Failure(f"there is no node {disk.node}, only {known or 'some without a name'}")
        if disk.name in nodes or monitor.job(disk.name) or monitor.export(disk.name):
            raise Failure(f"a backup of {disk.node} is there already; if that was killed, "
                          f"use --remove {disk.node}")


def back_up(monitor, disks, arguments, scratch, signals):
    """From the first image to the last byte."""
    nodes = monitor.nodes()
    for disk in disks:
        disk.prepare(monitor, nodes[disk.node]["image"]["virtual-size"], scratch)
    signals.check()
    monitor.execute("transaction", actions=[disk.action() for disk in disks])
    server = os.path.join(scratch, "nbd.sock")
    monitor.execute("nbd-server-start", addr={"type": "unix", "data": {"path": server}})
    monitor.serves = True
    pull_all(monitor, disks, arguments, server, signals)


def pull_all(monitor, disks, arguments, server, signals):
    """Pulls all disks at the same time. One that fails does not end the others."""
    deadline = time.monotonic() + arguments.timeout if arguments.timeout else None
    for disk in disks:
        disk.pull(monitor, server, arguments.options)
    going = list(disks)
    while going:
        time.sleep(LOOK_SECONDS)
        for disk in list(going):
            if disk.look(monitor):
                going.remove(disk)
                # From now on nothing of this disk has to be copied any more.
                disk.remove(monitor)
        if not going:
            return
        signals.check()
        if monitor.status() == "io-error":
            raise Failure("QEMU has stopped the guest as a write failed: is --scratch full?")
        if shutil.disk_usage(os.path.dirname(server)).free < arguments.reserve << 20:
            raise Failure(f"less than --reserve={arguments.reserve} MiB are free in --scratch")
        if deadline and time.monotonic() > deadline:
            raise Failure(f"not finished within --timeout={arguments.timeout:g} seconds")


def clean_up(monitor, disks, was_stopped):
    """Removes all that was made, first what the guest may wait for. Returns whether all went."""
    steps = [(disk.node, lambda disk=disk: disk.remove(monitor)) for disk in disks]
    if not was_stopped:
        steps.append(("the guest", lambda: let_go_on(monitor)))
    steps += [(disk.target, disk.end_stream) for disk in disks]
    if monitor.serves:
        steps.append(("the NBD server", lambda: monitor.execute("nbd-server-stop")))
    clean = True
    for name, step in steps:
        try:
            step()
        except (Failure, OSError) as failure:
            # A step that fails does not stop the others.
            say(f"left behind: {name}: {failure}")
            clean = False
    return clean


def let_go_on(monitor):
    """A write that found the scratch directory full is done again, now without a copy before it."""
    if monitor.status() == "io-error":
        monitor.execute("cont")
        say("the guest was stopped by QEMU, and goes on now")


def say(text):
    print(f"live-backup: {text}", file=sys.stderr)


def run(arguments, signals):
    disks = [Disk(node, target) for node, target in arguments.disks]
    failed = False
    try:
        monitor = Monitor(arguments.qmp)
        refuse_leftovers(monitor, disks, monitor.nodes())
        was_stopped = monitor.status() == "io-error"
        with tempfile.TemporaryDirectory(prefix="live-backup-", dir=arguments.scratch) as scratch:
            try:
                back_up(monitor, disks, arguments, scratch, signals)
            except (Failure, OSError) as failure:
                say(failure)
                failed = True
            finally:
                failed |= not clean_up(monitor, disks, was_stopped)
    except (Failure, OSError) as failure:
        say(failure)
        failed = True
    width = max(len(disk.node) for disk in disks)
    for disk in disks:
        print(f"{disk.node:{width}}  {disk.outcome:31}  {disk.target}")
    if signals.number and failed:
        return 128 + signals.number
    statuses = {disk.status for disk in disks} - {0}
    return 1 if failed else 0 if not statuses else 3 if statuses == {3} else 1


def remove(arguments):
    """What a backup has left that was killed. Its NBD server goes with it."""
    try:
        monitor = Monitor(arguments.qmp)
        for node in arguments.remove:
            disk = Disk(node)
            image = monitor.nodes().get(disk.file, {}).get("file")
            disk.remove(monitor)
            if image:
                os.remove(image)
                print(f"{node}: removed; {os.path.dirname(image)} may be removed, too")
            else:
                print(f"{node}: nothing is there")
        if not monitor.execute("query-block-exports"):
            try:
                monitor.execute("nbd-server-stop")
            except Failure:
                # No server is running.
                pass
    except (Failure, OSError) as failure:
        say(failure)
        return 1
    return 0


def parse(arguments):
    options = []
    if "--" in arguments:
        cut = arguments.index("--")
        arguments, options = arguments[:cut], arguments[cut + 1:]
    parser = argparse.ArgumentParser(
        description="Back up disks of a running QEMU guest, all as of one point in time.")
    parser.add_argument("--qmp", required=True, metavar="SOCKET", help="QEMU's monitor")
    parser.add_argument("--scratch", metavar="DIRECTORY",
                        help="where what the guest overwrites meanwhile is kept")
    parser.add_argument("--reserve", type=int, default=1024, metavar="MIB",
                        help="give up when less is free there (1024)")
    parser.add_argument("--timeout", type=float, metavar="SECONDS",
                        help="give up after this time (never)")
    parser.add_argument("--remove", nargs="+", metavar="NODE",
                        help="remove what a backup of these disks has left that was killed")
    parser.add_argument("disks", nargs="*", metavar="NODE=TARGET")
    parsed = parser.parse_args(arguments)
    parsed.options = options
    if parsed.remove:
        if parsed.disks:
            parser.error("--remove and NODE=TARGET exclude each other")
        return parsed
    if not parsed.disks or not parsed.scratch:
        parser.error("--scratch and at least one NODE=TARGET are required")
    for disk in parsed.disks:
        if not all(disk.partition("=")):
            parser.error(f"'{disk}' is not NODE=TARGET")
    parsed.disks = [tuple(disk.split("=", 1)) for disk in parsed.disks]
    if len({node for node, _ in parsed.disks}) < len(parsed.disks):
        parser.error("a node is named twice")
    if len({os.path.realpath(target) for _, target in parsed.disks}) < len(parsed.disks):
        parser.error("a target is named twice")
    # QEMU may have another working directory.
    parsed.scratch = os.path.abspath(parsed.scratch)
    return parsed


def main():
    arguments = parse(sys.argv[1:])
    for tool in () if arguments.remove else ("stream-disk", "qemu-img"):
        if not shutil.which(tool):
            say(f"{tool} is missing, or not in PATH")
            return 1
    return remove(arguments) if arguments.remove else run(arguments, Signals())


if __name__ == "__main__":
    sys.exit(main())
