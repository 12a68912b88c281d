"""Many runs at once, in each of which a signal comes at a random moment: how they ended."""

import argparse
import multiprocessing
import random
import signal
import statistics
import sys
import traceback
from collections import Counter


def attempt(case):
    """Returns how a run ended, or what was found."""
    run, seed, usual = case
    try:
        return run(seed, usual), None
    except Exception as error:
        return None, f"SEED {seed}: {''.join(traceback.format_exception(error))}"


def play(run, measure, wanted):
    """Lets `run(seed, usual)` play, and ends with an error if one raises an exception or an ending
    in `wanted` is missing: both have to be there, or the moments are not random.

    `usual` is the median of what `measure()` returns, a time in seconds on this machine
    with its load.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=4)
    options = parser.parse_args()
    # What a shell ignores for a command in the background nbdkit would ignore
    # until it has handlers.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    endings = Counter()
    with multiprocessing.Pool(options.jobs) as pool:
        usual = statistics.median(pool.starmap(measure, [()] * 20, chunksize=1))
        first = random.randrange(10**9)
        cases = ((run, seed, usual) for seed in range(first, first + options.runs))
        for ending, finding in pool.imap_unordered(attempt, cases):
            endings[ending] += 1
            if finding:
                print(finding, flush=True)
    print(f"{options.runs} signals, where {1000 * usual:.0f} ms are usual: {dict(endings)}")
    sys.exit(endings[None] > 0 or any(not endings[ending] for ending in wanted))
