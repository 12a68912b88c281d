"""Ends nbdkit by a signal at a random moment from its start on: nothing is left of what it made.

usage: early_signals.py [--runs N] [--jobs N]
"""

import argparse
import json
import multiprocessing
import os
import random
import signal
import statistics
import sys
import time
import traceback
from collections import Counter

import wire
from server import Finding, Server

COMMAND = "write-command=echo $$ >@/group; cat >@/part; mv @/part @/whole"
ENDPOINTS = ["pipe=@/fifo", "pipe=@/fifo", "read=@/fifo", COMMAND]
PARAMETERS = ["size=1M", "spool=@"]


def check_command(server):
    """Ended by a whole disk or not at all; and what it was in the middle of is no matter of nbdkit's."""
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


def run(case):
    """Returns how nbdkit ended, or what was found."""
    seed, usual = case
    chance = random.Random(seed)
    server = None
    try:
        endpoint = chance.choice(ENDPOINTS)
        server = Server(PARAMETERS, endpoint, waits=False)
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
        return "orderly" if status == 0 else "at once", None
    except Exception:
        return None, f"SEED {seed}: {traceback.format_exc()}\n{server and server.log}"
    finally:
        if server:
            server.remove()


def time_to_serve(_):
    start = time.monotonic()
    server = Server(PARAMETERS)
    took = time.monotonic() - start
    server.terminate()
    server.remove()
    return took


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=4)
    options = parser.parse_args()
    endings = Counter()
    with multiprocessing.Pool(options.jobs) as pool:
        usual = statistics.median(pool.map(time_to_serve, range(20)))
        first = random.randrange(10**9)
        cases = ((seed, usual) for seed in range(first, first + options.runs))
        for ending, finding in pool.imap_unordered(run, cases):
            endings[ending] += 1
            if finding:
                print(finding, flush=True)
    print(f"{options.runs} signals within {1500 * usual:.0f} ms: {dict(endings)}")
    # Both have to be there, or the moments are not random.
    sys.exit(endings[None] > 0 or not endings["orderly"] or not endings["at once"])


main()
