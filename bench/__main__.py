"""Measures the plugin and writes docs/BENCHMARKS.md; see `make help`.

usage: bench time|count

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

import machine
import page
import plot
from images import Images
from rows import all_rows
from timing import Timer

ROOT = Path(__file__).resolve().parent.parent
MADE = ROOT / "build" / "bench"
PLUGIN = ROOT / "build" / "nbdkit-streaming-plugin.so"
RAMDISK = ROOT / ".build" / "nested" / "release" / "libnbdkit-ramdisk-plugin.so"


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
        self.content = kept | {"stamp": {"rounds": self.rounds, "machine": described}}

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


def time(images: Images, results: Results, quick: bool):
    rows = all_rows(images, quick)
    known = [row.name for row in rows] + ["memory"]
    patterns = os.environ.get("ROWS", "").split() or ["*"]
    for pattern in patterns:
        if not any(fnmatch(name, pattern) for name in known):
            raise SystemExit(f"ROWS: no row is called {pattern}: {' '.join(known)}")
    chosen = [name for name in known if any(fnmatch(name, pattern) for pattern in patterns)]

    progress = Progress(len(chosen))
    timer = Timer(images.directory)
    if not timer.can_keep_pipes_small:
        print("bench: no mount namespaces here: without the small pipe", file=sys.stderr)
    for row in rows:
        if row.name not in chosen:
            continue
        progress.title = row.name
        if row.image:
            progress.step(f"making {row.image}")
            images.make(row.image)
        measured = {
            "title": row.title, "kind": row.kind, "requests": row.requests,
            "commands": {column: command.timed() for column, command in row.commands.items()},
            "times": timer.measure(row, min(results.rounds, row.most_rounds), progress.step),
        }
        kept = results.content["rows"] | {row.name: measured}
        results.content["rows"] = {name: kept[name] for name in known if name in kept}
        results.save()
        progress.finish()

    if "memory" in chosen:
        import memory

        progress.title = "memory"
        results.content["memory"] = memory.measure(images, progress.step)
        results.save()
        progress.finish()


def count(images: Images, results: Results, quick: bool):
    import counting

    progress = Progress(1)
    progress.title = "count"
    results.content["counts"] = counting.measure(images.directory, quick, progress.step)
    results.save()
    progress.finish()
    for line in page.counts(results.content["counts"]):
        print(line)


def main():
    actions = {"time": time, "count": count}
    if len(sys.argv) != 2 or sys.argv[1] not in actions:
        raise SystemExit("usage: bench time|count")
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
        actions[sys.argv[1]](images, results, quick)
    results.write_page()


if __name__ == "__main__":
    main()
