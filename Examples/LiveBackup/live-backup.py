#!/usr/bin/python3
"""Back up disks of a running QEMU guest, all as of one point in time, each as one verified object.

usage: live-backup.py --qmp SOCKET --scratch DIRECTORY [--timeout SECONDS]
                      NODE=TARGET [NODE=TARGET ...] [-- OPTION ...]

NODE is the node name of a disk (query-named-block-nodes lists them), TARGET the file that gets its
backup, written aside and put in place by stream-disk(1) once it is whole. What follows -- is passed
on to each "stream-disk write", as in "-- --zstd --quiet".

How it works. For each disk a temporary qcow2 image is made in the scratch directory, with the disk
as its backing file. In one transaction a job is started on each disk that copies what the guest is
about to change into that image before it is changed. So the images show all disks as they were at
the moment of the transaction. QEMU exports them over NBD, and each is pulled by stream-disk at its own
pace: a slow or dead reader costs the guest nothing. What the guest changes during the backup has to
fit into the scratch directory: QEMU makes the guest's write wait for that copy, and no other.

Whatever happens, the jobs, exports and images are removed at the end, the guest goes on as before, and
one line a disk says what became of it.

Exit status: 0 if all are whole; 1 if one failed; 2 for a wrong usage; 3 if one is not known to be whole;
128 and the number of a signal.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

# What QEMU answers that has nothing to do with the disk's contents comes at once.
ANSWER_SECONDS = 30


class Failure(Exception):
    """Something that ends the backup, in one line."""


class Interrupted(Exception):
    """A signal asks for the end."""

    def __init__(self, number):
        super().__init__(f"ended by {signal.Signals(number).name}")
        self.number = number


class Monitor:
    """QEMU's monitor, one command at a time."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(ANSWER_SECONDS)
        try:
            self.socket.connect(path)
        except OSError as error:
            raise Failure(f"--qmp={path}: can't connect: {error.strerror}") from error
        self.lines = self.socket.makefile("r", encoding="utf-8")
        self.read()
        self.execute("qmp_capabilities")

    def read(self):
        try:
            line = self.lines.readline()
        except OSError as error:
            raise Failure(f"QEMU did not answer: {error}") from error
        if not line:
            raise Failure("QEMU has closed the monitor: did the guest end?")
        return json.loads(line)

    def execute(self, command, **arguments):
        """The answer to a command; raises Failure with QEMU's own words."""
        message = {"execute": command, "arguments": {
            key.replace("_", "-"): value for key, value in arguments.items()}}
        try:
            self.socket.sendall((json.dumps(message) + "\n").encode())
        except OSError as error:
            raise Failure(f"QEMU has closed the monitor: {error}") from error
        while True:
            answer = self.read()
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise Failure(f"{command}: {answer['error']['desc']}")
            # Anything else is an event: the state of jobs is asked for where it matters.

    def job(self, name):
        """What QEMU knows of a job, or None once it is gone."""
        for job in self.execute("query-jobs"):
            if job["id"] == name:
                return job
        return None

    def end_job(self, name):
        """Cancels a job and waits until QEMU has forgotten it."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while job := self.job(name):
            if job["status"] == "concluded":
                with contextlib.suppress(Failure):
                    self.execute("job-dismiss", id=name)
            elif job["status"] not in ("aborting", "waiting", "pending", "null"):
                with contextlib.suppress(Failure):
                    self.execute("job-cancel", id=name)
            if time.monotonic() > deadline:
                raise Failure(f"the job {name} does not end: it is {job['status']}")
            time.sleep(0.05)


class Disk:
    """One disk of the guest and what is made for its backup."""

    def __init__(self, node, target, scratch):
        self.node = node
        self.target = target
        self.overlay = f"live-backup-{node}"
        self.job = f"live-backup-{node}-job"
        self.image = os.path.join(scratch, f"{node}.qcow2")
        self.stream = None
        self.outcome = "was not begun"
        self.status = 1

    def prepare(self, monitor, nodes, undo):
        """Makes the temporary image and attaches it to the guest's disk."""
        if self.node not in nodes:
            known = ", ".join(sorted(name for name in nodes if not name.startswith("#")))
            raise Failure(f"no node is called '{self.node}': QEMU has {known or 'none with a name'}")
        size = nodes[self.node]["image"]["virtual-size"]
        subprocess.run(
            ["qemu-img", "create", "-q", "-f", "qcow2", self.image, str(size)], check=True)
        monitor.execute(
            "blockdev-add", driver="qcow2", node_name=self.overlay, backing=self.node,
            file={"driver": "file", "filename": self.image})
        undo.callback(monitor.execute, "blockdev-del", node_name=self.overlay)

    def action(self):
        """What starts the copying before writes, for the transaction. The job never ends by itself."""
        return {"type": "blockdev-backup", "data": {
            "job-id": self.job, "device": self.node, "target": self.overlay, "sync": "none",
            "auto-dismiss": False}}

    def export(self, monitor, undo):
        name = f"{self.overlay}-export"
        monitor.execute(
            "block-export-add", type="nbd", id=name, node_name=self.overlay, name=self.node,
            writable=False)
        undo.callback(self.end_export, monitor, name)

    @staticmethod
    def end_export(monitor, name):
        monitor.execute("block-export-del", id=name, mode="hard")
        deadline = time.monotonic() + ANSWER_SECONDS
        while any(export["id"] == name for export in monitor.execute("query-block-exports")):
            if time.monotonic() > deadline:
                raise Failure(f"the export {name} does not end")
            time.sleep(0.05)

    def pull(self, server, options):
        self.outcome = "was not finished"
        # A session of its own: a signal from the terminal is passed on once, by end().
        self.stream = subprocess.Popen(
            ["stream-disk", "write", *options, f"nbd+unix:///{self.node}?socket={server}",
             "-o", self.target], start_new_session=True)

    def check(self, monitor):
        """Whether the point in time still stands; it falls with its job."""
        job = monitor.job(self.job)
        if job is None or job["status"] == "concluded":
            reason = (job or {}).get("error", "the job has gone")
            raise Failure(f"{self.node}: QEMU has given up the point in time: {reason}")

    def end(self):
        if self.stream is None or self.stream.poll() is not None:
            return
        self.stream.terminate()
        try:
            self.stream.wait(ANSWER_SECONDS)
        except subprocess.TimeoutExpired:
            self.stream.kill()
            self.stream.wait()

    def judge(self):
        self.status = self.stream.returncode
        words = {0: "whole", 3: "not known to be whole"}
        self.outcome = words.get(self.status, f"failed with exit status {self.status}")


def pull_all(monitor, disks, server, options, timeout):
    """Pulls all disks at the same time; the first that fails does not end the others."""
    deadline = time.monotonic() + timeout if timeout else None
    for disk in disks:
        disk.pull(server, options)
    while any(disk.stream.poll() is None for disk in disks):
        if deadline and time.monotonic() > deadline:
            raise Failure(f"not finished within {timeout} seconds")
        for disk in disks:
            disk.check(monitor)
        time.sleep(0.2)
    # A disk that was whole but whose point in time fell in the last moment is not what it says.
    for disk in disks:
        disk.check(monitor)
    for disk in disks:
        disk.judge()


def back_up(arguments, disks, scratch, undo):
    monitor = Monitor(arguments.qmp)
    undo.callback(monitor.socket.close)
    nodes = {node["node-name"]: node
             for node in monitor.execute("query-named-block-nodes", flat=True)}
    for disk in disks:
        disk.prepare(monitor, nodes, undo)
    for disk in disks:
        undo.callback(monitor.end_job, disk.job)
    monitor.execute("transaction", actions=[disk.action() for disk in disks])
    server = os.path.join(scratch, "nbd.sock")
    monitor.execute("nbd-server-start", addr={"type": "unix", "data": {"path": server}})
    undo.callback(monitor.execute, "nbd-server-stop")
    for disk in disks:
        disk.export(monitor, undo)
    for disk in disks:
        undo.callback(disk.end)
    pull_all(monitor, disks, server, arguments.options, arguments.timeout)


def clean_up(undo):
    """Undoes what was made, the newest first. What can't be undone is returned, and stops nothing."""
    problems = []
    callbacks = list(reversed(undo))
    undo.clear()
    for call, positional, named in callbacks:
        try:
            call(*positional, **named)
        except (Failure, OSError) as error:
            problems.append(str(error))
    return problems


class Undo(list):
    """Calls to be made at the end, the newest first."""

    def callback(self, call, *positional, **named):
        self.append((call, positional, named))


def parse(arguments):
    options = []
    if "--" in arguments:
        cut = arguments.index("--")
        arguments, options = arguments[:cut], arguments[cut + 1:]
    parser = argparse.ArgumentParser(
        description="Back up disks of a running QEMU guest as of one point in time.")
    parser.add_argument("--qmp", required=True, metavar="SOCKET", help="QEMU's monitor")
    parser.add_argument("--scratch", required=True, metavar="DIRECTORY",
                        help="where what the guest changes meanwhile is kept")
    parser.add_argument("--timeout", type=float, metavar="SECONDS",
                        help="how long the backup may take (default: any time)")
    parser.add_argument("disks", nargs="+", metavar="NODE=TARGET")
    parsed = parser.parse_args(arguments)
    parsed.options = options
    parsed.pairs = [pair.partition("=") for pair in parsed.disks]
    for node, _, target in parsed.pairs:
        if not node or not target:
            parser.error(f"'{node}{target}' is not NODE=TARGET")
    if len({node for node, _, _ in parsed.pairs}) < len(parsed.pairs):
        parser.error("a node is named twice")
    if len({os.path.realpath(target) for _, _, target in parsed.pairs}) < len(parsed.pairs):
        parser.error("a target is named twice")
    return parsed


def main():
    arguments = parse(sys.argv[1:])
    if not shutil.which("stream-disk"):
        sys.exit("live-backup: stream-disk is not in PATH: install it")

    def interrupt(number, _):
        raise Interrupted(number)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)

    status, undo = 0, Undo()
    with tempfile.TemporaryDirectory(prefix="live-backup-", dir=arguments.scratch) as scratch:
        disks = [Disk(node, target, scratch) for node, _, target in arguments.pairs]
        try:
            back_up(arguments, disks, scratch, undo)
        except (Failure, subprocess.CalledProcessError, OSError) as error:
            print(f"live-backup: {error}", file=sys.stderr)
            status = 1
        except Interrupted as error:
            print(f"live-backup: {error}", file=sys.stderr)
            status = 128 + error.number
        finally:
            # The guest comes first: a second signal does not leave it with a job.
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            for problem in clean_up(undo):
                print(f"live-backup: left behind: {problem}", file=sys.stderr)
                status = status or 1
    width = max(len(disk.node) for disk in disks)
    for disk in disks:
        print(f"{disk.node:{width}}  {disk.outcome:24}  {disk.target}")
    if status == 0:
        failed = [disk.status for disk in disks if disk.status != 0]
        status = (3 if set(failed) == {3} else 1) if failed else 0
    return status


if __name__ == "__main__":
    sys.exit(main())
