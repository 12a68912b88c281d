"""Kill nbdkit at random moments while write-command= publishes a disk, many at a time.

usage: kills.py DIRECTORY PLUGIN ROUNDS

Half of the rounds never write the last piece, so nothing may ever be published. The others write
all, ask nbdkit to stop and kill it then, so what is published has to be whole.
"""

import os
import random
import signal
import subprocess
import sys
import threading
import time

import nbd

PIECE = 64 << 10
PIECES = 16
SCRIPTS = [
    "cat >part; mv part whole",
    "cat | tee part >copy; cat copy >/dev/null; mv part whole",
    "exec sh -c 'cat >part; exec mv part whole'",
    "timeout 100 sh -c 'cat >part && mv part whole'",
    "bash -c 'set -m; cat >part; mv part whole'",
    "setsid -w sh -c 'cat >part; mv part whole'",
    ("exec 3<&0; setsid -f sh -c 'cat <&3 >part; mv part whole'; "
     "until test -e whole; do sleep 0.01; done"),
]
DISK = b"".join(bytes([1 + number]) * PIECE for number in range(PIECES))


class Round:
    def __init__(self, number, directory, plugin):
        self.directory = os.path.join(directory, str(number))
        os.mkdir(self.directory)
        self.is_short = number % 2 == 0
        self.random = random.Random(number)
        socket = os.path.join(self.directory, "socket")
        pidfile = os.path.join(self.directory, "pid")
        script = "echo $$ >group; " + self.random.choice(SCRIPTS)
        self.nbdkit = subprocess.Popen(
            ["nbdkit", "-f", "-U", socket, "-P", pidfile, plugin,
             "write-command=" + script, f"size={len(DISK)}"],
            cwd=self.directory, stderr=subprocess.DEVNULL)
        wait_for(lambda: os.path.exists(pidfile))
        self.uri = "nbd+unix:///?socket=" + socket

    def run(self):
        # 16 pieces in 16 ms and more, then the end.
        delay = self.random.uniform(0, 0.02)
        if self.is_short:
            threading.Timer(delay, self.nbdkit.kill).start()
        client = nbd.NBD()
        try:
            client.connect_uri(self.uri)
            for number in range(PIECES - self.is_short):
                start = number * PIECE
                client.pwrite(DISK[start:start + PIECE], start)
                time.sleep(0.001)
            client.shutdown()
        except nbd.Error:
            pass
        if not self.is_short:
            self.nbdkit.send_signal(signal.SIGTERM)
            time.sleep(delay)
            self.nbdkit.kill()
        self.nbdkit.wait()

    def published_half(self):
        try:
            with open(os.path.join(self.directory, "whole"), "rb") as file:
                return file.read() != DISK
        except FileNotFoundError:
            return False

    def is_gone(self):
        """Is nothing of the command there any more?"""
        for number in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.readlink(f"/proc/{number}/cwd") == self.directory:
                    return False
            except OSError:
                pass
        return True


def wait_for(condition):
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    return condition()


def play(rounds):
    for one in rounds:
        one.run()


def main():
    directory, plugin, count = sys.argv[1:]
    os.mkdir(directory)
    rounds = [Round(number, directory, plugin) for number in range(int(count))]
    threads = [threading.Thread(target=play, args=[rounds[first::8]]) for first in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    left = sum(not wait_for(one.is_gone) for one in rounds)
    half = sum(one.published_half() for one in rounds)
    print(f"{len(rounds)} killed, {half} half disks published, {left} processes left")


main()
