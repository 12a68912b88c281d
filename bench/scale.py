"""Measures what a stream costs and how many run at once, and writes docs/SCALING.md.

usage: scale.py

QUICK=1 takes small images and fewer streams, and writes into build/bench/ instead.
"""

import os
import sys
import tempfile
from pathlib import Path

import machine
import page
from images import GIB, MIB, Images
from many import NOBODY, Streams, write_image
from one import cost

ROOT = Path(__file__).resolve().parent.parent
PLUGIN = ROOT / "build" / "nbdkit-streaming-plugin.so"
# How the streams of a row run that are to be an ordinary user's, where root measures.
AS_NOBODY = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]


def costs(images: Images, rows: list[tuple[str, ...]]) -> list[str]:
    def cells(name: str, *parameters: str) -> list[str]:
        found = cost(images, name, *parameters)
        size = images.size(name) / GIB
        return [
            " ".join([f"{size:g} GiB {Path(name).stem}", *parameters]),
            *(page.number(seconds / size) for seconds in (found.nbdkit, found.client)),
            page.number(found.memory / MIB), str(found.descriptors), str(found.threads),
        ]

    head = ["", "nbdkit, s/GiB", "qemu-img, s/GiB", "memory, MiB", "descriptors", "threads"]
    return page.table(head, [cells(*row) for row in rows])


def counts(directory: Path, rows: list[tuple[int, str]], compressed: bool, progress) -> list[str]:
    def cells(count: int, user: str) -> list[str]:
        progress(f"{count} streams of {user}")
        prefix = AS_NOBODY if user == "nobody" else []
        with Streams(directory, count, prefix, compressed) as streams:
            streams.wait_until_all_are_under_way()
            found = streams.sample()
            seconds = streams.finish()
        least, most = (size >> 10 for size in found.pipes)
        return [
            f"{count}, {user}", f"{seconds:.2f}", f"{count * streams.data / MIB / seconds:.0f}",
            page.number(found.nbdkit / count / MIB), page.number(found.client / count / MIB),
            f"{least}" if least == most else f"{least} to {most}",
            f"{streams.right()} of {count}",
        ]

    head = [
        "streams, user", "s", "MiB/s", "nbdkit, MiB each", "qemu-img, MiB each", "pipe, KiB",
        "complete and identical",
    ]
    return page.table(head, [cells(*row) for row in rows])


def main():
    quick = os.environ.get("QUICK", "") not in ("", "0")
    busy = os.getloadavg()[0]
    if busy > 0.5:
        print(f"bench: the machine is busy (load {busy:.1f}): don't trust figures", file=sys.stderr)
    user = "root" if os.geteuid() == 0 else "you"
    rows = [(count, user) for count in ([1, 32] if quick else [1, 8, 32, 64, 128, 256, 512])]
    if user == "root" and not quick:
        rows += [(64, "nobody"), (128, "nobody")]

    def progress(text: str):
        print(text, file=sys.stderr)

    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        (directory / "streaming.so").write_bytes(PLUGIN.read_bytes())
        images = Images(directory, quick)
        progress("one stream")
        one = costs(images, [
            ("dense.raw",), ("sparse.raw",), ("files.raw",), ("files.raw", "compress=zstd"),
            ("sparse.raw", "compress=zstd"), ("files.raw", "compress=gzip"),
            ("files.raw", "format=vmdk"),
        ])
        for image in directory.glob("*.raw"):
            image.unlink()
        for number in range(max(count for count, _ in rows)):
            write_image(directory / f"{number}.raw", number)
        # What is still being written to the disk would slow the first row.
        os.sync()
        many = counts(directory, rows, False, progress)
        compressed = counts(directory, [row for row in rows if row[0] <= 128], True, progress)

    programs = ", ".join(f"{tool} {machine.version(tool)}" for tool in ("nbdkit", "qemu-img"))
    described = machine.describe(ROOT) | {"Programs": programs}
    text = "\n".join([
        *(f"- {key}: {value}" for key, value in described.items()), "",
        "One stream, from `qemu-img convert` to `cat`; processor seconds a GiB of disk:", "", *one,
        "Many at once, each from an image of 32 MiB, half of it data, to `cmp`; MiB/s of data:",
        "", *many, "The same with `compress=zstd`, to `zstd -dc` and `cmp`:", "", *compressed,
    ]).rstrip()
    out = (ROOT / "build" / "bench" if quick else ROOT / "docs") / "SCALING.md"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(page.fill((ROOT / "docs" / "SCALING.md").read_text(), text))
    print(f"written: {out.relative_to(ROOT)}")


main()
