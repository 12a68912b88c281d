"""How the time, the memory and the output of an encoder grow with threads, and with the disk."""

import json
import subprocess
import time

from images import GIB, Images
from memory import memory
from one import seconds
from process import server
from rows import convert

ENCODERS = ("compress=zstd", "compress=gzip", "format=vmdk")
THREADS = (1, 2, 4)
# Enough for a median of what takes seconds.
ROUNDS = 3


def run(images: Images, image: str, *parameters: str) -> dict[str, float]:
    report = images.directory / "report.json"
    report.unlink(missing_ok=True)
    plugin = [
        "./streaming.so", "-", f"size={images.size(image)}", f"report={report}", *parameters]
    with server(plugin, images.directory) as pid:
        client = convert(image).replace('"$uri"', "nbd+unix:///?socket=socket")
        start = time.monotonic()
        subprocess.run(client.split(), cwd=images.directory, check=True)
        found = {
            "seconds": time.monotonic() - start, "processor": seconds(pid),
            "memory": memory(pid, "VmHWM"),
        }
    end = json.loads(report.read_text())
    if end["outcome"] != "complete":
        raise SystemExit(f"failed: {end}")
    return found | {"output": end["output_bytes"]}


def measure(images: Images, quick: bool, progress) -> dict[str, list[dict[str, float]]]:
    """Each title with what each round found."""
    cases = {
        f"{images.size('files') / GIB:g} GiB of files, {encoder}, {threads} at a time":
            ("files.raw", encoder, f"compress-threads={threads}")
        for encoder in ENCODERS for threads in THREADS
    } | {
        f"{images.size(hole) / GIB:g} GiB of hole, {ENCODERS[0]}": (f"{hole}.qcow2", ENCODERS[0])
        for hole in images.holes
    }
    results = {title: [] for title in cases}
    for image, *_ in cases.values():
        images.make(image)
    for number in range(1 if quick else ROUNDS):
        for title, (image, *parameters) in cases.items():
            # A disk of many TiB takes minutes, and its client most of them.
            if number == 0 or images.size(image) <= 1024 * GIB:
                progress(f"round {number + 1}: {title}")
                results[title].append(run(images, image, *parameters))
    return results

