"""Measures the plugin and writes docs/BENCHMARKS.md; see `make help`.

QUICK=1 takes small images and few rounds, and writes into build/bench/ instead. ROWS="name ..."
measures these rows only, and keeps what was measured of the others with the same plugin.
"""

import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from fnmatch import fnmatch
from pathlib import Path

import counting
import growth
import machine
import memory
import page
import plot
from images import Images
from load import Watch
from rows import Row, all_rows
from timing import Timer

ROOT = Path(__file__).resolve().parent.parent
MADE = ROOT / "build" / "bench"
PLUGIN = ROOT / "build" / "nbdkit-streaming-plugin.so"
RAMDISK = ROOT / ".build" / "nested" / "release" / "libnbdkit-ramdisk-plugin.so"
# A row is measured again if others took more than this share of a processor while it was.
DISTURBED = 0.1
MOST_TRIES = 3


class Progress:
    """One line on a terminal, overwritten; elsewhere only what is finished."""

    def __init__(self, total: int):
        self.total, self.done, self.title = total, 0, ""

    def step(self, text: str):
        if sys.stderr.isatty():
            line = f"[{self.done + 1}/{self.total}] {self.title}: {text}"
            print(f"\r\033[K{line[:os.get_terminal_size(2).columns - 1]}", end="", file=sys.stderr)

    def finish(self):
        self.done += 1
        clear = "\r\033[K" if sys.stderr.isatty() else ""
        print(f"{clear}[{self.done}/{self.total}] {self.title}", file=sys.stderr)


class Results:
    """Kept between runs as long as plugin, machine and number of rounds stay the same."""

    def __init__(self, quick: bool):
        self.rounds = 3 if quick else 10
        self.directory = MADE if quick else ROOT / "docs"
        self.file = MADE / ("quick.json" if quick else "full.json")
        MADE.mkdir(parents=True, exist_ok=True)
        described = machine.describe(ROOT)
        same = {
            "plugin": hashlib.sha256(PLUGIN.read_bytes()).hexdigest(),
            "rounds": self.rounds, "machine": described["Machine"],
        }
        kept = json.loads(self.file.read_text()) if self.file.exists() else {}
        if kept.get("same") != same:
            kept = {"same": same, "rows": {}}
        self.content = kept | {"stamp": {
            "rounds": self.rounds, "disturbed": DISTURBED, "machine": described}}

    def save(self):
        """After each row, so that what ends early leaves the rows before it."""
        self.file.write_text(json.dumps(self.content, indent=1))

    def write_page(self):
        frame = (ROOT / "docs" / "BENCHMARKS.md").read_text()
        text = page.render(self.content)
        (self.directory / "BENCHMARKS.md").write_text(page.fill(frame, text))
        for kind, name, draw in (
            ("streams", "benchmarks.svg", plot.draw), ("jobs", "jobs.svg", plot.draw_jobs)
        ):
            rows = [row for row in self.content["rows"].values() if row["kind"] == kind]
            if rows:
                (self.directory / name).write_text(draw(rows))
        print(f"written: {(self.directory / 'BENCHMARKS.md').relative_to(ROOT)}")


def build(directory: Path):
    """Puts the plugins under short names into the directory, and builds what helps to measure."""
    (directory / "streaming.so").symlink_to(PLUGIN)
    (directory / "ramdisk.so").symlink_to(RAMDISK)
    compiler = ["clang", "-O2", "-Wall", "-Wextra"]
    sources = ROOT / "bench"
    subprocess.run([*compiler, "-o", directory / "floor", sources / "floor.c"], check=True)
    for name in ("allocations", "write-only"):
        library = directory / f"{name}.so"
        subprocess.run(
            [*compiler, "-shared", "-fPIC", "-o", library, sources / f"{name}.c"], check=True)


def time(row: Row, timer: Timer, rounds: int, progress: Progress) -> dict:
    """Measures a row, and again if others disturbed it, and keeps what was disturbed least."""
    tries = []
    while not tries or (tries[-1]["others"] > DISTURBED and len(tries) < MOST_TRIES):
        watch = Watch()
        times = timer.measure(row, min(rounds, row.most_rounds), progress.step)
        tries.append({"times": times, "others": watch.others(), "tries": len(tries) + 1})
    return min(tries, key=lambda one: one["others"]) | {
        "tries": len(tries), "title": row.title, "kind": row.kind, "requests": row.requests,
        "commands": {column: command.timed() for column, command in row.commands.items()},
    }


def measure(images: Images, results: Results, quick: bool):
    """The rows that are asked for, each saved when it is measured."""
    rows = {row.name: row for row in all_rows(images, quick)}
    others = {
        "memory": lambda step: memory.measure(images, step),
        "growth": lambda step: growth.measure(images, quick, step),
        "counts": lambda step: counting.measure(images.directory, quick, step),
    }
    known = [*rows, *others]
    patterns = os.environ.get("ROWS", "").split() or ["*"]
    for pattern in patterns:
        if not any(fnmatch(name, pattern) for name in known):
            raise SystemExit(f"ROWS: no row is called {pattern}: {' '.join(known)}")
    chosen = [name for name in known if any(fnmatch(name, pattern) for pattern in patterns)]

    progress = Progress(len(chosen))
    timer = Timer(images.directory)
    if not timer.can_keep_pipes_small:
        print("bench: no mount namespaces here: without the small pipe", file=sys.stderr)
    for name in chosen:
        progress.title = name
        if name in rows:
            row = rows[name]
            if row.image:
                progress.step(f"making {row.image}")
                images.make(row.image)
            kept = results.content["rows"] | {name: time(row, timer, results.rounds, progress)}
            results.content["rows"] = {each: kept[each] for each in rows if each in kept}
        else:
            results.content[name] = others[name](progress.step)
        results.save()
        progress.finish()


def main():
    if len(sys.argv) != 1:
        raise SystemExit("usage: bench")
    quick = os.environ.get("QUICK", "") not in ("", "0")
    # So that what is temporary is removed then, too.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit("bench: interrupted"))
    busy = os.getloadavg()[0]
    if busy > 0.5:
        print(f"bench: the machine is busy (load {busy:.1f}): don't trust figures", file=sys.stderr)
    results = Results(quick)
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        images = Images(Path(directory), quick)
        build(images.directory)
        measure(images, results, quick)
    results.write_page()


if __name__ == "__main__":
    main()
