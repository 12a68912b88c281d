"""Ends nbdkit by each signal, sent to each of its processes, in each situation,
with and without --run.

usage: waiting_parent.py [--jobs N] [--early N] [--only WORD]

No abort, no hang, a true report unless SIGKILL hit the server, and nothing is left behind. --early:
then N more signals at a random moment from the start of a nbdkit with --run on.
"""

import argparse
import itertools
import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

import wire
from server import PLUGIN, Finding, Reader
from wire import Closed, Connection, Hang

SIGNALS = [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGKILL]
TARGETS = ["started", "server", "group"]
MIB = 1 << 20
# By name: the parameters, and what is in the directory at the end that the user asked for.
SITUATIONS = {
    "no reader": ["pipe=@/fifo"],
    "full pipe": ["pipe=@/fifo"],
    "mid-copy": ["pipe=@/fifo"],
    "write-command": ["write-command=cat >@/part && mv @/part @/whole"],
    "read-command": ["read-command=sleep 600"],
    "idle": ["pipe=@/fifo"],
    "connected": ["pipe=@/fifo"],
    "greeted": ["pipe=@/fifo"],
}
MARK = "HOSTILE_DIRECTORY"
# No more than 5 s on a machine that has nothing else to do.
LIMIT = 3 * wire.LIMIT


# The client, a process of its own.

def act(situation, directory, path):
    """Whatever becomes of it; nbdkit may end it, or end before it has begun."""
    wire.LIMIT = 60
    ready = f"{directory}/ready"
    if situation == "idle":
        open(ready, "w").close()
        while True:
            Connection(path).close()
            time.sleep(0.02)
    connection = Connection(path)
    if situation == "greeted":
        open(ready, "w").close()
        connection.greet()
        connection.receive(1)
        return
    connection.negotiate()
    if situation == "connected":
        open(ready, "w").close()
        connection.reply()
        return
    if situation == "read-command":
        connection.send(wire.request(wire.READ, 0, 4096))
        open(ready, "w").close()
        connection.reply(4096)
        return
    if situation == "early":
        connection.receive(1)
        return
    offset, size = 0, 4 * MIB if situation == "full pipe" else 64 << 10
    if situation in ("no reader", "full pipe"):
        open(ready, "w").close()
    while connection.send(wire.request(wire.WRITE, offset, size) + b"x" * size) is None:
        if connection.reply()[0]:
            return
        offset += size
        if offset == 16 * size:
            open(ready, "w").close()
        time.sleep(0.002)


class Run:
    """nbdkit, what it started, and the client, all marked by their environment."""

    def __init__(self, situation, waits):
        self.situation, self.waits = situation, waits
        self.directory = tempfile.mkdtemp(prefix="waiting-")
        self.socket = f"{self.directory}/socket"
        self.environment = {**os.environ, "LC_ALL": "C", MARK: self.directory}
        self.errors = open(f"{self.directory}/errors", "w+", errors="replace")
        parameters = SITUATIONS.get(situation, ["pipe=@/fifo"])
        client = ["/usr/bin/python3", "-B", os.path.abspath(__file__), "--client", situation,
                  self.directory, self.socket]
        command = ["nbdkit", "-f", "-U", self.socket, "-P", f"{self.directory}/pid", PLUGIN,
                   "size=256M", "report=@/report", *parameters]
        if waits:
            command += ["--run", "exec " + " ".join(f"'{word}'" for word in client)]
        self.started = subprocess.Popen(
            [word.replace("@", self.directory) for word in command], start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=self.errors, stderr=self.errors, env=self.environment)
        self.client = None
        self.reader = None
        if situation == "early":
            return
        self.await_file("pid", "nbdkit does not start")
        if situation == "full pipe":
            self.reader = os.open(f"{self.directory}/fifo", os.O_RDONLY)
        elif situation == "mid-copy":
            self.reader = Reader(f"{self.directory}/fifo")
        if not waits:
            self.client = subprocess.Popen(
                client, start_new_session=True, stdin=subprocess.DEVNULL, stdout=self.errors,
                stderr=self.errors, env=self.environment)
        self.await_file("ready", "the client does not come so far")

    def await_file(self, name, finding):
        end = time.monotonic() + LIMIT
        while not os.path.exists(f"{self.directory}/{name}"):
            if time.monotonic() > end:
                raise Hang(finding)
            time.sleep(0.005)

    def text(self, name):
        try:
            with open(f"{self.directory}/{name}", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def send(self, number, target):
        if target == "group":
            os.killpg(self.started.pid, number)
        else:
            os.kill(self.started.pid if target == "started" else int(self.text("pid")), number)

    def processes(self):
        """All that came of this run and live, by number, with their command lines."""
        found = {}
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{entry}/environ", "rb") as file:
                    if f"{MARK}={self.directory}\0".encode() in file.read():
                        with open(f"/proc/{entry}/cmdline", "rb") as line:
                            found[int(entry)] = line.read().replace(b"\0", b" ")[:100]
            except OSError:
                pass
        return found

    def await_end(self):
        end = time.monotonic() + LIMIT
        for process in filter(None, [self.started, self.client]):
            try:
                process.wait(max(0.01, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                raise Hang(f"still there: {self.processes()}") from None
        while left := self.processes():
            if time.monotonic() > end:
                raise Hang(f"still there: {left}")
            time.sleep(0.01)

    def judge(self, server_was_killed, may_leave_fifo=False):
        log = self.text("errors")
        if "Assertion" in log or "aborting sleep because of server" in log:
            raise Finding("nbdkit's own words")
        left = set(os.listdir(self.directory)) - {
            "errors", "pid", "socket", "ready", "report", "part"}
        if server_was_killed:
            # What keeps the report's name does no harm.
            left = {name for name in left - {"fifo"} if not name.startswith(".nbdkit-streaming.")}
        if may_leave_fifo:
            left -= {"fifo"}
        if left:
            raise Finding(f"left behind: {left}")
        report = self.text("report")
        if server_was_killed:
            if report:
                raise Finding("a report of a server that was killed")
        elif self.situation != "early":
            if not report:
                raise Finding("there is no report")
            report = json.loads(report)
            if report["outcome"] == "complete":
                raise Finding(f"complete: {report}")
            if self.situation == "mid-copy":
                self.reader.end()
                if report["bytes"] != self.reader.count:
                    raise Finding(f"{self.reader.count} bytes were read: {report}")

    def remove(self):
        for process in self.processes():
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                pass
        for process in filter(None, [self.started, self.client]):
            process.wait()
        if isinstance(self.reader, int):
            os.close(self.reader)
        self.errors.close()
        shutil.rmtree(self.directory)


def attempt(case):
    """Returns what was found, if anything."""
    number, target, situation, waits = case
    story = f"{signal.Signals(number).name} to the {target}, {situation}, " + (
        "with --run" if waits else "without --run")
    try:
        run = Run(situation, waits)
    except Exception:
        return f"{story}: {traceback.format_exc()}"
    try:
        time.sleep(random.random() / (2 if situation != "early" else 10))
        run.send(number, target)
        if situation == "early" and number == signal.SIGINT:
            # system(3) ignores it for a moment, before the plugin takes it back:
            # people press again.
            time.sleep(0.5)
            if run.started.poll() is None:
                run.send(number, target)
        run.await_end()
        was_killed = number == signal.SIGKILL and (target != "started" or not waits)
        # A SIGKILL before there is a server leaves what was made, as it leaves everything.
        run.judge(was_killed, may_leave_fifo=situation == "early" and number == signal.SIGKILL)
    except Exception:
        return f"{story}: {traceback.format_exc()}{run.text('errors')[-1500:]}"
    finally:
        run.remove()
    return None


def main():
    if sys.argv[1:2] == ["--client"]:
        try:
            act(*sys.argv[2:])
        except (Closed, OSError):
            pass
        return 0
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--early", type=int, default=100)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    for number in SIGNALS[:3]:
        signal.signal(number, signal.SIG_DFL)
    cases = [
        case for case in itertools.product(SIGNALS, TARGETS, SITUATIONS, [True, False])
        # Without --run the one that was started is the server.
        if case[3] or case[1] != "server"]
    cases += [(random.choice(SIGNALS), "started", "early", True) for _ in range(options.early)]
    cases = [case for case in cases if options.only in f"{case[0].name} {case[1:]}"]
    random.shuffle(cases)
    with multiprocessing.Pool(options.jobs) as pool:
        findings = list(filter(None, pool.imap_unordered(attempt, cases)))
    print("\n".join(findings), end="\n" if findings else "")
    print(f"{len(cases)} signals, {len(findings)} findings")
    return len(findings) > 0


if __name__ == "__main__":
    sys.exit(main())
