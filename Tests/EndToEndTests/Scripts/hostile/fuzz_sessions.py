"""Plays random sessions with the server until the time is over, the seeds once found first.

A third of them reads a stream, the others write one.

usage: fuzz_sessions.py [--seconds N] [--jobs N] [SEED ...]

Prints what every seed that finds something has found, and fails. A seed given is played alone.
"""

import argparse
import multiprocessing
import os
import random
import sys
import time
import traceback

from reading_session import ReadingSession
from session import Session


def play(seed):
    try:
        (Session if seed % 3 else ReadingSession)(seed).play()
    except Exception:
        return seed, traceback.format_exc()
    return seed, None


def known_seeds():
    with open(os.path.join(os.path.dirname(__file__), "seeds.txt")) as file:
        return [int(line.split()[0]) for line in file if line[0].isdigit()]


def fresh_seeds(seconds):
    first = random.randrange(10**9)
    print(f"seeds from {first} on", flush=True)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield first
        first += 1


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("seeds", nargs="*", type=int)
    options = parser.parse_args()
    played = found = 0
    with multiprocessing.Pool(options.jobs) as pool:

        def run(seeds):
            nonlocal played, found
            # A few ahead: the pool would draw all of them at once.
            waiting = []
            for seed in seeds:
                waiting.append(pool.apply_async(play, [seed]))
                if len(waiting) > 2 * options.jobs:
                    tell(*waiting.pop(0).get())
            for result in waiting:
                tell(*result.get())

        def tell(seed, finding):
            nonlocal played, found
            played += 1
            if finding:
                found += 1
                print(f"SEED {seed}: {finding}", flush=True)

        run(options.seeds or known_seeds())
        if not options.seeds:
            run(fresh_seeds(options.seconds))
    print(f"{played} sessions, {found} with findings")
    sys.exit(found > 0)


main()
