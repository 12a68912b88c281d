"""The disk images that are streamed, made when first asked for."""

import os
import subprocess
from pathlib import Path

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30

# How many random bytes begin at each multiple of what; the rest is a hole.
CONTENT = {
    "dense": (MIB, MIB),
    "dense-short": (MIB, MIB),
    "alternating": (64 * KIB, 128 * KIB),
    "sparse": (MIB, 85 * MIB + 384 * KIB),  # 192 MiB of 16 GiB
    "sparse-short": (MIB, 85 * MIB + 384 * KIB),
    "endless": (MIB, 85 * MIB + 384 * KIB),
}


class Images:
    """Makes images in one directory, all in one size or the other."""

    def __init__(self, directory: Path, quick: bool):
        self.directory = directory
        self.sizes = {
            "dense": 256 * MIB if quick else 2 * GIB,
            "dense-short": (256 if quick else 512) * MIB,
            "alternating": 256 * MIB if quick else 2 * GIB,
            "sparse": GIB if quick else 16 * GIB,
            "sparse-short": GIB if quick else 4 * GIB,
            "endless": 16 * GIB if quick else 64 * GIB,
        }

    def size(self, image: str) -> int:
        return self.sizes[Path(image).stem]

    def make(self, image: str):
        """Makes `image`, named as in "dense.raw", unless it is there."""
        path = self.directory / image
        if path.exists():
            return
        if path.suffix == ".qcow2":
            raw = path.with_suffix(".raw")
            self.make(raw.name)
            convert = ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, path]
            subprocess.run(convert, check=True)
            return
        size = self.size(image)
        data, every = CONTENT[path.stem]
        with path.open("wb") as file:
            for offset in range(0, size, every):
                os.pwrite(file.fileno(), os.urandom(min(data, size - offset)), offset)
            file.truncate(size)
