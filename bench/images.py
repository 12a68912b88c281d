"""The disk images that are streamed, made when first asked for."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30

# How many random bytes begin at each multiple of what; the rest is a hole.
CONTENT = {
    "dense": (MIB, MIB),
    "dense-short": (MIB, MIB),
    "alternating": (64 * KIB, 128 * KIB),
    "sparse": (MIB, 85 * MIB + 384 * KIB),  # 192 MiB of 16 GiB
    "sparse-short": (MIB, 85 * MIB + 384 * KIB),
    "files": (MIB, MIB),  # not random: what the system's files hold
    "endless": (MIB, 85 * MIB + 384 * KIB),
}


def system_files(size: int) -> Iterator[bytes]:
    """So many bytes as a system's disk holds them: the files under /usr, again and again."""
    while size > 0:
        before = size
        for directory, names, files in os.walk("/usr"):
            names.sort()
            for path in (Path(directory, name) for name in sorted(files)):
                if (size > 0 and path.is_file() and not path.is_symlink()
                        and os.access(path, os.R_OK)):
                    part = path.read_bytes()[:size]
                    size -= len(part)
                    yield part
        if size == before:
            raise SystemExit("no file in /usr can be read")


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
            "files": 256 * MIB if quick else GIB,
            "endless": 16 * GIB if quick else 64 * GIB,
        }
        holes = (1, 64) if quick else (1, 64, 1024, 64 * 1024)
        self.holes = [f"hole-{size}" for size in holes]
        self.sizes |= {name: size * GIB for name, size in zip(self.holes, holes)}

    def size(self, image: str) -> int:
        return self.sizes[Path(image).stem]

    def make(self, image: str):
        """Makes `image`, named as in "dense.raw", unless it is there."""
        path = self.directory / image
        if path.exists():
            return
        if path.stem in self.holes:
            create = ["qemu-img", "create", "-q", "-f", "qcow2", path, str(self.size(image))]
            subprocess.run(create, check=True)
            return
        if path.suffix == ".qcow2":
            raw = path.with_suffix(".raw")
            self.make(raw.name)
            convert = ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, path]
            subprocess.run(convert, check=True)
            return
        if path.suffix == ".zst":
            raw = path.with_suffix(".raw")
            self.make(raw.name)
            client = f'qemu-img convert -n -f raw -O raw {raw.name} "$uri"'
            script = (
                f"nbdkit -U - ./streaming.so - compress=zstd size={self.size(image)}"
                f" --run '{client}' | cat >{path.name}"
            )
            subprocess.run(["sh", "-c", script], cwd=self.directory, check=True)
            return
        size = self.size(image)
        if path.stem == "files":
            with path.open("wb") as file:
                for part in system_files(size):
                    file.write(part)
            return
        data, every = CONTENT[path.stem]
        with path.open("wb") as file:
            for offset in range(0, size, every):
                os.pwrite(file.fileno(), os.urandom(min(data, size - offset)), offset)
            file.truncate(size)
