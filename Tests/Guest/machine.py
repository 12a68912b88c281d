"""A machine: Debian's kernel, and writer.c as its only program, in an emulated PC
of one processor."""

import os
import pathlib
import re
import shutil
import subprocess
import threading
import time

from monitor import Monitor

HERE = pathlib.Path(__file__).resolve().parent
# In the order in which they need each other.
MODULES = ["virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci",
           "virtio_blk"]
BOOT_SECONDS = 120
# A machine that writes nothing for as long is not slow.
WRITE_SECONDS = 10


def run(*command, **more):
    return subprocess.run(command, check=True, text=True, **more)


def prepare(cache):
    """The kernel and the first file system, made in the directory;
    a kernel that is there is used."""
    cache.mkdir(parents=True, exist_ok=True)
    kernels = list(cache.glob("kernel/boot/vmlinuz-*"))
    if not kernels:
        depends = run(
            "apt-cache", "depends", "linux-image-cloud-amd64", stdout=subprocess.PIPE).stdout
        package = re.search(r"Depends: (linux-image-\S+)", depends)[1]
        print(f"check-guest: getting {package}", flush=True)
        run("apt-get", "-qq", "download", package, cwd=cache, stderr=subprocess.DEVNULL)
        archive = next(cache.glob(f"{package}_*.deb"))
        # Unpacked, not installed: this machine keeps its own.
        run("dpkg-deb", "-x", archive, cache / "kernel")
        archive.unlink()
        kernels = list(cache.glob("kernel/boot/vmlinuz-*"))

    root = cache / "root"
    shutil.rmtree(root, ignore_errors=True)
    (root / "modules").mkdir(parents=True)
    for index, name in enumerate(MODULES):
        module = next(cache.glob(f"kernel/lib/modules/*/kernel/drivers/*/{name}.ko*"))
        shutil.copy(module, root / "modules" / f"{index}-{name}.ko")
    run("cc", "-static", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread", "-o", root / "init",
        HERE / "writer.c")
    names = "\n".join(str(path.relative_to(root)) for path in sorted(root.rglob("*")))
    with open(cache / "initrd", "wb") as initrd:
        subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], check=True, cwd=root, stdout=initrd,
                       input=names.encode())
    return kernels[0], cache / "initrd"


class Machine:
    """Runs until it is left. Its disks are raw files, by their node names."""

    def __init__(self, system, place, disks):
        kernel, initrd = system
        self.place, self.disks = place, disks
        command = [
            "qemu-system-x86_64", "-M", "q35", "-accel", "tcg", "-smp", "1", "-m", "256",
            "-nodefaults", "-no-reboot", "-display", "none", "-serial", "stdio",
            # A monitor takes one client: the others are for programs that are tried.
            "-qmp", f"unix:{place}/qmp.sock,server=on,wait=off",
            "-qmp", f"unix:{place}/qmp2.sock,server=on,wait=off",
            "-qmp", f"unix:{place}/qmp3.sock,server=on,wait=off",
            "-kernel", str(kernel), "-initrd", str(initrd),
            "-append", "console=ttyS0 loglevel=1 panic=-1"]
        for name, path in disks.items():
            command += [
                "-blockdev", f"file,node-name={name}-file,filename={path},discard=unmap",
                "-blockdev", f"raw,node-name={name},file={name}-file,discard=unmap",
                "-device", f"virtio-blk-pci,drive={name},id={name}-device"]
        self.errors = open(place / "qemu.err", "wb")
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.errors,
            text=True)
        # (time, disk, operations, errors, seconds) of each line.
        self.lines = []
        threading.Thread(target=self.listen, daemon=True).start()

    def __enter__(self):
        try:
            self.wait(lambda: (self.place / "qmp.sock").exists(), "a monitor")
            self.monitor = Monitor(self.place / "qmp.sock")
            self.wait(
                lambda: all(self.operations(disk) > 40 for disk in self.disks), "its first writes")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.errors.close()

    def listen(self):
        for line in self.process.stdout:
            match = re.search(r"guest (\w+): (\d+) operations, (\d+) errors, (\d+) ms", line)
            if match:
                self.lines.append((time.monotonic(), match[1], int(match[2]), int(match[3]),
                                   int(match[4]) / 1000))

    def operations(self, disk):
        return max((line[2] for line in self.lines if line[1] == disk), default=0)

    def wait(self, condition, what, seconds=BOOT_SECONDS):
        deadline = time.monotonic() + seconds
        while not condition():
            if self.process.poll() is not None:
                raise RuntimeError("QEMU has ended: " + (self.place / "qemu.err").read_text())
            if time.monotonic() > deadline:
                raise RuntimeError(f"the machine did not come to {what} within {seconds} s")
            time.sleep(0.05)

    def goes_on(self):
        """Whether every disk is written to."""
        before = {disk: self.operations(disk) for disk in self.disks}
        deadline = time.monotonic() + WRITE_SECONDS
        while any(self.operations(disk) == before[disk] for disk in self.disks):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        return True

    def status(self):
        return self.monitor.execute("query-status")["status"]

    def stop(self):
        self.monitor.execute("stop")

    def go_on(self):
        self.monitor.execute("cont")

    def copy_disks(self):
        """While it is stopped: copies of its disks, which nobody changes any more."""
        copies = {}
        for name, path in self.disks.items():
            copies[name] = self.place / f"{name}.then"
            run("cp", "--sparse=always", path, copies[name])
        return copies

    def seen(self, since):
        """What the machine saw since that time: errors, and its longest pause in seconds."""
        errors, pause = 0, 0.0
        for disk in self.disks:
            before = [line[3] for line in self.lines if line[1] == disk and line[0] <= since]
            after = [line for line in self.lines if line[1] == disk and line[0] > since]
            if after:
                errors += after[-1][3] - (before[-1] if before else 0)
                pause = max(pause, max(line[4] for line in after))
        return errors, pause

    def stopped_by_error(self, since):
        """Seconds in which QEMU kept it stopped because of a failed write:
        its own clock stood still."""
        total, began = 0.0, None
        events = [event for event in self.monitor.events if event[0] > since]
        for when, event, data in events:
            if event == "BLOCK_IO_ERROR" and data["action"] == "stop" and began is None:
                began = when
            elif event == "RESUME" and began is not None:
                total += when - began
                began = None
        return total + (time.monotonic() - began if began is not None else 0)


def descendants(process):
    """The numbers of all processes that this one has started, and theirs."""
    found = []
    for task in pathlib.Path(f"/proc/{process}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:
            # It has just ended.
            continue
        for child in children:
            found += [int(child), *descendants(int(child))]
    return found


def name_of(process):
    try:
        return pathlib.Path(f"/proc/{process}/comm").read_text().strip()
    except OSError:
        return ""


def command_of(process):
    try:
        return pathlib.Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


def kill_server(process, number):
    """Sends the nbdkit below the process a signal."""
    servers = [child for child in descendants(process) if name_of(child) == "nbdkit"]
    assert servers, "no nbdkit to be killed"
    for server in servers:
        os.kill(server, number)
