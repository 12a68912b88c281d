"""What all cases do: the commands of the page on one machine, and a look at what has arrived."""

import os
import shlex
import signal
import subprocess
import time

from machine import descendants, run

# What a reader that stalls, and a reader that comes late, lets wait.
STALL_SECONDS = 8
GIVE_UP_SECONDS = 60
# What is read before something happens.
SOME = 16 << 20


class Try:
    """One way on one machine."""

    def __init__(self, machine, tools):
        self.machine, self.monitor, self.place = machine, machine.monitor, machine.place
        self.tools = tools
        self.size = os.path.getsize(machine.disks["vda"])
        self.environment = {
            **os.environ, "size": str(self.size), "TMPDIR": str(self.place),
            "STREAM_DISK_PLUGIN": str(tools.plugin),
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
        return {node["node-name"]
                for node in self.monitor.execute("query-named-block-nodes", flat=True)
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

    def completed(self, name):
        """Whether a job ended with success, which is the only way that its stream is
        of one moment."""
        return any(event == "BLOCK_JOB_COMPLETED" and data["device"] == name and "error" not in data
                   for _, event, data in self.monitor.events)

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
        same = subprocess.run(
            ["cmp", "-s", "-", self.copies[disk]], stdin=decoded.stdout).returncode == 0
        decoded.stdout.close()
        return "the disk" if decoded.wait() == 0 and same else "ANOTHER DISK"
