"""Lets one system call of the plugin go wrong, at every point of a stream, and judges each time.

usage: failing_calls.py --faults LIBRARY [--jobs N] sending|receiving|interrupted

LIBRARY is what make check builds of Tests/Faults, which says what a fault is.
"""

import argparse
import errno
import itertools
import multiprocessing
import sys
import traceback

from faulty_streams import ReadStream, WrittenStream
from server import Finding

ERRORS = [errno.EPIPE, errno.ECONNRESET, errno.EIO, errno.ENOSPC]

# What is made to fail: the stream, the call, and how often a stream makes it, if that is certain.
# The last writes tell of the signal and are the report's.
SENDING = [("fifo", "write", 16 + 2), ("fifo", "vmsplice", 8), ("socket", "send", 24)]
# A fifth is passed by, and the end is looked for.
RECEIVING = [("fifo", "read", None), ("fifo", "splice", None), ("socket", "recv", None),
             ("command", "read", None), ("command", "splice", None)]

# All calls a signal can interrupt, by the manual pages, where they are made.
INTERRUPTED = [
    (WrittenStream, "fifo", "write vmsplice poll pwrite pread read open fallocate ftruncate fsync "
     "fcntl close"),
    (WrittenStream, "socket", "connect send poll recv open close"),
    (WrittenStream, "command", "write vmsplice poll send recv waitpid fcntl close"),
    (ReadStream, "fifo", "read splice poll open fcntl close"),
    (ReadStream, "socket", "connect recv poll close"),
    (ReadStream, "command", "read splice poll send recv waitpid fcntl close"),
]
# Every call, or nine in ten.
STORMS = ["short 1+", f"{errno.EINTR} !10", f"{errno.EAGAIN} !10"]


def strands(kind, jobs):
    """What a process does one after the other: (stream, end, call, errors, first, step)."""
    if kind == "sending":
        groups = [(WrittenStream, end, call, ERRORS) for end, call, _ in SENDING]
    elif kind == "receiving":
        groups = [(ReadStream, end, call, [errno.EIO, errno.ECONNRESET])
                  for end, call, _ in RECEIVING]
    else:
        groups = [(stream, end, call, [errno.EINTR])
                  for stream, end, calls in INTERRUPTED for call in calls.split()]
    return [(*group, first, jobs) for group in groups for first in range(1, jobs + 1)]


def play(strand):
    """Returns what was let fail, how often, how often that came to nothing, and what was found."""
    stream, end, call, errors, first, step = strand
    group = stream.parameter, end, call
    injected = harmless = 0
    for number in itertools.count(first, step):
        error = errors[number % len(errors)]
        fault = f"{call} {error} {number}"
        try:
            was_injected, was_complete = stream(end, fault).play(fails=error != errno.EINTR)
        except Exception:
            return group, injected, harmless, f"{group} {fault}: {traceback.format_exc()}"
        if not was_injected:
            return group, injected, harmless, None
        injected += 1
        harmless += was_complete


def weather(case):
    end, call, storm = case
    fault = f"{call} {storm}"
    try:
        was_injected, _ = ReadStream(end, fault).play(fails=False)
        if not was_injected:
            raise Finding("the call was never made")
    except Exception:
        return f"{fault}: {traceback.format_exc()}"
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--faults", required=True)
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("kind", choices=["sending", "receiving", "interrupted"])
    options = parser.parse_args()
    WrittenStream.library = ReadStream.library = options.faults
    counts, findings = {}, []
    with multiprocessing.Pool(options.jobs) as pool:
        results = pool.imap_unordered(play, strands(options.kind, options.jobs))
        for group, injected, harmless, finding in results:
            before = counts.get(group, (0, 0))
            counts[group] = before[0] + injected, before[1] + harmless
            findings += [finding] if finding else []
        if options.kind == "receiving":
            cases = [(end, call, storm) for end, call, _ in RECEIVING for storm in STORMS]
            findings += filter(None, pool.imap_unordered(weather, cases))
    for group, (injected, harmless) in counts.items():
        print(f"{' '.join(group)}: {injected}", end=", ")
        # On a loaded machine the other end may always be the faster one.
        if not injected and group[2] != "poll":
            findings.append(f"{group} was never made")
        if options.kind != "interrupted" and harmless:
            findings.append(f"{group}: {harmless} failures were not noticed")
    if options.kind == "sending":
        wanted = {(end, call): count for end, call, count in SENDING}
        found = {group[1:]: injected for group, (injected, _) in counts.items()}
        if found != wanted and not findings:
            findings.append(f"{found} instead of {wanted}")
    print(f"{sum(injected for injected, _ in counts.values())} in all")
    print("\n".join(findings), end="")
    sys.exit(len(findings) > 0)


main()
