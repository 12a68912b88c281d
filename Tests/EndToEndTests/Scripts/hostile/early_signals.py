"""Ends nbdkit by a signal at a random moment from its start on: nothing is left of what it made.

usage: early_signals.py [--runs N] [--jobs N]
"""

import json
import os
import random
import signal
import time

import signals
import wire
from server import Finding, Server

COMMAND = "write-command=echo $$ >@/group; cat >@/part; mv @/part @/whole"
ENDPOINTS = ["pipe=@/fifo", "pipe=@/fifo", "read=@/fifo", COMMAND]
PARAMETERS = ["size=1M", "spool=@"]


def check_command(server):
    """Ended by a whole disk or not at all; and what it was in the middle of
    is no matter of nbdkit's."""
    server.made_files |= {"group", "part"}
    end = time.monotonic() + wire.LIMIT
    while group := server.file("group").strip():
        try:
            os.kill(-int(group), 0)
        except ProcessLookupError:
            return
        if time.monotonic() > end:
            raise Finding("the command is still there")
        time.sleep(0.01)


def run(seed, usual):
    """Returns how nbdkit ended."""
    chance = random.Random(seed)
    endpoint = chance.choice(ENDPOINTS)
    with Server(PARAMETERS, endpoint, waits=False) as server:
        time.sleep(random.random() * 1.5 * usual)
        number = chance.choice([signal.SIGTERM, signal.SIGINT])
        server.process.send_signal(number)
        # Before it has handlers it ends at once, as any program does.
        status = server.process.wait(wire.LIMIT)
        if status not in (0, -number):
            raise Finding(f"nbdkit ended with status {status}")
        if endpoint == COMMAND:
            check_command(server)
        server.check_leavings()
        text = server.file("report")
        if status and text or text and json.loads(text)["outcome"] == "complete":
            raise Finding(f"status {status} and a report: {text}")
        return "orderly" if status == 0 else "at once"


def time_to_serve():
    start = time.monotonic()
    with Server(PARAMETERS):
        return time.monotonic() - start


if __name__ == "__main__":
    signals.play(run, measure=time_to_serve, wanted=["orderly", "at once"])
