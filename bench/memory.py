"""The memory of the nbdkit process while an image is streamed."""

import re
import subprocess
import time
from pathlib import Path

from images import GIB, Images
from process import server
from rows import NULL, OURS, convert

SERVERS = {
    OURS: ["./streaming.so", "-"],
    f"{OURS} to zstd": ["./streaming.so", "-", "compress=zstd"],
    f"{OURS} to gzip": ["./streaming.so", "-", "compress=gzip"],
    f"{OURS} as vmdk": ["./streaming.so", "-", "format=vmdk"],
    NULL: ["null"],
}


def memory(pid: int, field: str) -> int:
    """VmRSS, what is resident now, or VmHWM, the most that ever was, in KiB."""
    return int(re.search(rf"{field}:\s*(\d+)", Path(f"/proc/{pid}/status").read_text())[1])


def watch(plugin: list[str], image: str, images: Images) -> dict:
    """Converts `image`, in order and with requests of up to 2 MiB, and looks every 20 ms."""
    images.make(image)
    with server([*plugin, f"size={images.size(image)}"], images.directory) as pid:
        idle = memory(pid, "VmRSS")
        resident = []
        client = convert(image).replace('"$uri"', "nbd+unix:///?socket=socket")
        with subprocess.Popen(client.split(), cwd=images.directory) as process:
            while process.poll() is None:
                resident.append(memory(pid, "VmRSS"))
                time.sleep(0.02)
        if process.returncode:
            raise SystemExit(f"failed: {client}")
        # What is touched for the first time has been by then.
        settled = resident[len(resident) // 10:]
        return {
            "idle": idle, "most": memory(pid, "VmHWM"),
            "settled": [min(settled), max(settled)], "samples": len(settled),
        }


def measure(images: Images, progress) -> dict[str, dict[str, dict]]:
    results = {}
    for image, content in (("dense.raw", "dense"), ("endless.raw", "sparse")):
        title = f"{images.size(image) / GIB:g} GiB {content}"
        results[title] = {}
        for column, plugin in SERVERS.items():
            progress(f"{title}, {column}")
            results[title][column] = watch(plugin, image, images)
    return results
