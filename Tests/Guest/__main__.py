"""Back up a machine that runs in every way of docs/BACKUP.md, disturb that, and tell what it saw.

usage: python3 Tests/Guest PLUGIN STREAM-DISK CACHE [--write] [WORD]

Only the cases that have WORD are tried. With --write the table goes into docs/BACKUP.md.
"""

import collections
import contextlib
import datetime
import pathlib
import random as numbers
import re
import subprocess
import sys
import tempfile
import time
import traceback

import machine
from cases import CASES
from recipes import PAGE
from trial import Try

MIB = 1 << 20
BEGIN, END = "<!-- made by make check-guest: begin -->", "<!-- made by make check-guest: end -->"

Tools = collections.namedtuple("Tools", "plugin command example")


def make_disk(path, size, seed):
    """A disk, a third of which is data, in pieces."""
    random = numbers.Random(seed)
    with open(path, "wb") as disk:
        disk.truncate(size)
        for offset in range(seed * MIB, size, 12 * MIB):
            disk.seek(offset)
            disk.write(random.randbytes(min(4 * MIB, size - offset)))


@contextlib.contextmanager
def memory():
    """A directory in memory: a pause is then somebody's who is waited for,
    and not this host's disk's."""
    with tempfile.TemporaryDirectory(prefix="check-guest-") as directory:
        machine.run("mount", "-t", "tmpfs", "-o", "mode=700", "memory", directory)
        try:
            yield pathlib.Path(directory)
        finally:
            # All that is mounted below it, too. Whoever still has it open keeps it that long.
            machine.run("umount", "--recursive", "--lazy", directory)


def attempt(case, system, tools):
    """One case on a machine of its own: its line of the table, and what is wrong."""
    way, event, call, expected, unharmed = case
    with memory() as place:
        disks = {"vda": place / "vda.raw"}
        make_disk(disks["vda"], 384 * MIB, 1)
        if "live" in way:
            disks["vdb"] = place / "vdb.raw"
            make_disk(disks["vdb"], 64 * MIB, 2)
        wrong = []
        with machine.Machine(system, place, disks) as guest:
            this = Try(guest, tools)
            try:
                arrived = call(this)
            except Exception as error:
                traceback.print_exc()
                print((place / "log").read_text(), flush=True)
                return None, [f"{way}, {event}: {error}"]
            finally:
                this.close()
            # The last operations have to be told.
            time.sleep(1)
            errors, pause = guest.seen(this.since)
            stopped = guest.stopped_by_error(this.since)
            if not guest.goes_on():
                wrong.append(f"the machine does not write any more: it is {guest.status()}, "
                             f"and said last: {guest.lines[-1]}")
        if arrived != expected:
            wrong.append(f"{arrived} and not {expected}")
        if unharmed and errors:
            wrong.append(f"{errors} errors in the machine")
        stopped = f"{stopped:.1f}" if stopped else "-"
        return (f"| {way} | {event} | {errors} | {pause:.2f} | {stopped} | {arrived} |",
                [f"{way}, {event}: {text}" for text in wrong])


def baseline(system):
    """A machine that nobody backs up."""
    with memory() as place:
        make_disk(place / "vda.raw", 384 * MIB, 1)
        with machine.Machine(system, place, {"vda": place / "vda.raw"}) as guest:
            since = time.monotonic()
            time.sleep(8)
            errors, pause = guest.seen(since)
    return f"| none | nothing | {errors} | {pause:.2f} | - | - |"


def facts(system):
    def first(*command):
        return subprocess.run(
            command, stdout=subprocess.PIPE, text=True, check=True).stdout.split("\n")[0]
    qemu = re.search(r"version (\S+)", first("qemu-system-x86_64", "--version"))[1]
    kernel = system[0].name.removeprefix("vmlinuz-")
    return (f"QEMU {qemu}, nbdkit {first('nbdkit', '--version').split()[1]}, "
            f"the guest's Linux {kernel}, emulated (TCG), one processor; {datetime.date.today()}.")


def main():
    arguments = sys.argv[1:]
    write = "--write" in arguments
    plugin, command, cache, *words = [text for text in arguments if text != "--write"]
    tools = Tools(pathlib.Path(plugin).resolve(), pathlib.Path(command).resolve(),
                  PAGE.parents[1] / "Examples" / "LiveBackup" / "live-backup.py")
    system = machine.prepare(pathlib.Path(cache).resolve())
    chosen = [case for case in CASES if all(word in f"{case[0]}: {case[1]}" for word in words)]
    lines = [facts(system), "",
             "| way | what happens | I/O errors | longest pause, s | stopped, s | there is then |",
             "| --- | --- | ---: | ---: | ---: | --- |"]
    print("\n".join(lines), flush=True)
    lines.append(baseline(system))
    print(lines[-1], flush=True)
    wrong = []
    for case in chosen:
        line, found = attempt(case, system, tools)
        if line:
            lines.append(line)
            print(line, flush=True)
        wrong += found
    if write and not words:
        text = PAGE.read_text()
        head, tail = text.split(BEGIN)[0], text.split(END)[1]
        PAGE.write_text(f"{head}{BEGIN}\n\n" + "\n".join(lines) + f"\n\n{END}{tail}")
    for text in wrong:
        print(f"check-guest: {text}", file=sys.stderr)
    return 1 if wrong else 0


sys.exit(main())
