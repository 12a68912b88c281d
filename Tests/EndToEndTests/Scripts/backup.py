"""Backs up a disk while a client writes to it: qemu-storage-daemon's blockdev-backup.

usage: backup.py IMAGE SOCKET [full|incremental|left]

The disk is a raw IMAGE, the target listens on SOCKET. Prints how many writes came during the job.

full           the whole disk, to its end
incremental    only what a client changed before: the first and the last block
left           the job is made slow, the client writes the last block, and everything is killed
"""

import json
import os
import random
import subprocess
import sys
import threading

import nbd

BLOCK = 64 << 10


class Daemon:
    def __init__(self, image, target, disk):
        self.process = subprocess.Popen(
            ["qemu-storage-daemon", "--chardev", "stdio,id=qmp", "--monitor", "chardev=qmp",
             "--blockdev", f"driver=file,node-name=disk,filename={image}",
             "--nbd-server", f"addr.type=unix,addr.path={disk}",
             "--export", "nbd,id=disk,node-name=disk,writable=on,name=disk",
             "--blockdev", f"driver=nbd,node-name=target,server.type=unix,server.path={target}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.until("QMP")
        self.execute("qmp_capabilities")

    def until(self, key, value=None):
        """Reads messages up to one that has this key, and this value if given."""
        for line in self.process.stdout:
            message = json.loads(line)
            if "error" in message:
                sys.exit(f"qemu-storage-daemon: {message['error']}")
            if key in message and value in (None, message[key]):
                return message
        sys.exit("qemu-storage-daemon has gone")

    def execute(self, command, **arguments):
        self.process.stdin.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.process.stdin.flush()
        return self.until("return")


def write_until(stop, uri, size, counts):
    """A guest: writes blocks all over the disk."""
    client = nbd.NBD()
    client.connect_uri(uri)
    while not stop.is_set():
        client.pwrite(os.urandom(BLOCK), random.randrange(size // BLOCK) * BLOCK)
        counts.append(1)
    client.flush()
    client.shutdown()


def write_at(uri, *offsets):
    """A guest: writes a block at each of these offsets."""
    client = nbd.NBD()
    client.connect_uri(uri)
    for offset in offsets:
        client.pwrite(os.urandom(BLOCK), offset)
    client.flush()
    client.shutdown()


def main():
    image, target, way = (sys.argv[1:] + ["full"])[:3]
    disk = f"{image}.socket"
    daemon = Daemon(image, target, disk)
    stop, writes = threading.Event(), []
    uri = f"nbd+unix:///disk?socket={disk}"
    guest = threading.Thread(
        target=write_until, args=(stop, uri, os.path.getsize(image), writes))
    size = os.path.getsize(image)
    job = {"job-id": "backup", "device": "disk", "target": "target", "sync": "full"}
    if way == "incremental":
        daemon.execute("block-dirty-bitmap-add", node="disk", name="changed")
        write_at(uri, 0, size - BLOCK)
        job.update(sync="incremental", bitmap="changed")
    if way == "left":
        job["speed"] = 1 << 20
    daemon.execute("blockdev-backup", **job)
    if way == "left":
        # Copied before it is written, so the target has the end of the disk.
        write_at(uri, size - BLOCK)
        daemon.process.kill()
        daemon.process.wait()
        return
    if way == "full":
        guest.start()
    job = daemon.until("event", "BLOCK_JOB_COMPLETED")
    during = len(writes)
    stop.set()
    if way == "full":
        guest.join()
    if "error" in job["data"]:
        sys.exit(f"the job failed: {job['data']['error']}")
    daemon.execute("blockdev-del", **{"node-name": "target"})
    daemon.execute("quit")
    daemon.process.wait()
    print(during)


main()
