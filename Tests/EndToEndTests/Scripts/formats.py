"""Lets every reader of a format that is here read a stream, and compares with the image
it was made of.

usage: formats.py FORMAT STREAM IMAGE [READER ...]

Prints a line for each reader that finds something else, or takes what it should refuse, and nothing
if all is well. With no reader named it asks all of the format.
"""

import os
import struct
import subprocess
import sys
import tarfile
import tempfile

sys.path.append("/usr/lib/python3/dist-packages")

PIECE = 1 << 20
ALL = 1 << 30  # holes of images up to this size are compared too, byte for byte


class Wrong(Exception):
    """What a reader found."""


def run(*command, **options):
    """Runs a program that has to succeed, and returns what it prints."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    if done.returncode:
        raise Wrong(f"{command[0]} exits {done.returncode}: {done.stdout[-300:]!r}")
    return done.stdout.decode(errors="replace")


class Image:
    """A raw image, of which holes are known."""

    def __init__(self, path):
        self.path = path
        self.file = os.open(path, os.O_RDONLY)
        self.size = os.fstat(self.file).st_size

    def extents(self):
        """Offsets, ends and whether there may be data."""
        offset = 0
        while offset < self.size:
            try:
                data = os.lseek(self.file, offset, os.SEEK_DATA)
            except OSError:
                data = self.size
            if data > offset:
                yield offset, data, False
            offset = data
            if offset < self.size:
                hole = os.lseek(self.file, offset, os.SEEK_HOLE)
                yield offset, hole, True
                offset = hole

    def ranges(self):
        """What to compare: all data, and of long holes both ends and the middle."""
        for start, end, is_data in self.extents():
            if is_data or self.size <= ALL or end - start <= 3 * PIECE:
                yield start, end
            else:
                middle = start + (end - start) // 2
                for place in start, middle, end - PIECE:
                    yield place, place + PIECE

    def compare(self, read, size):
        """Compares with a reader's `read(offset, count)`."""
        if size != self.size:
            raise Wrong(f"has {size} bytes instead of {self.size}")
        for start, end in self.ranges():
            for offset in range(start, end, PIECE):
                count = min(PIECE, end - offset)
                found = read(offset, count)
                if found != os.pread(self.file, count, offset):
                    raise Wrong(f"differs within {count} bytes from {offset}")

    def compare_pipe(self, *command):
        """Compares with what a program prints."""
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as reader:
            compared = subprocess.run(
                ["cmp", "-", self.path], stdin=reader.stdout, capture_output=True, check=False)
            reader.stdout.close()
        if reader.returncode or compared.returncode:
            raise Wrong(f"{reader.returncode} {compared.stdout + compared.stderr!r}")


def seeking(file):
    """A `read(offset, count)` of an object with seek and read."""

    def read(offset, count):
        file.seek(offset)
        return file.read(count)

    return read


# All of them: what they are called, and how they read `stream` and compare it with `image`.


def qemu_img(name):
    def read(stream, image):
        if name == "vmdk":
            found = run("qemu-img", "check", "-f", name, stream)
            if "No errors" not in found:
                raise Wrong(found)
        if image.size <= ALL:
            run("qemu-img", "compare", "-f", name, "-F", "raw", stream, image.path)
            with tempfile.TemporaryDirectory(dir=os.path.dirname(stream)) as directory:
                copy = os.path.join(directory, "raw")
                run("qemu-img", "convert", "-f", name, "-O", "raw", stream, copy)
                run("cmp", copy, image.path)
            return
        # It would look at each grain of terabytes.
        for start, end in image.ranges():
            part = f"driver=raw,offset={start},size={end - start},file.driver="
            run("qemu-img", "compare", "--image-opts",
                f"{part}{name},file.file.driver=file,file.file.filename={stream}",
                f"{part}file,file.filename={image.path}")

    return read


def libvmdk(stream, image):
    import pyvmdk

    with tempfile.TemporaryDirectory(dir=os.path.dirname(stream)) as directory:
        # It looks for the extent that the descriptor names.
        path = os.path.join(directory, "disk.vmdk")
        os.link(stream, path)
        handle = pyvmdk.handle()
        handle.open(path)
        handle.open_extent_data_files()
        image.compare(
            lambda offset, count: handle.read_buffer_at_offset(count, offset),
            handle.get_media_size())
        handle.close()


def libvhdi(stream, image):
    import pyvhdi

    file = pyvhdi.file()
    file.open(stream)
    image.compare(
        lambda offset, count: file.read_buffer_at_offset(count, offset), file.get_media_size())
    file.close()


def dissect_vmdk(stream, image):
    from dissect.hypervisor.disk.vmdk import VMDK

    with open(stream, "rb") as file:
        disk = VMDK(file)
        image.compare(seeking(disk.open() if hasattr(disk, "open") else disk), disk.size)


def dissect_vhd(stream, image):
    from dissect.hypervisor.disk.vhd import VHD

    with open(stream, "rb") as file:
        disk = VHD(file)
        image.compare(seeking(disk), disk.size)


def oslo(stream, image):
    from oslo_utils.imageutils import format_inspector

    # All of it, as OpenStack does with an upload: the end too.
    inspector = format_inspector.get_inspector("vmdk")()
    with open(stream, "rb") as file:
        while piece := file.read(PIECE):
            inspector.eat_chunk(piece)
    inspector.finish()
    if not inspector.format_match:
        raise Wrong("is no vmdk")
    inspector.safety_check()
    if inspector.virtual_size != image.size:
        raise Wrong(f"has {inspector.virtual_size} bytes instead of {image.size}")


def seven_zip(kind):
    def read(stream, image):
        if image.size > ALL:
            run("7z", "l", f"-t{kind}", stream)
        else:
            image.compare_pipe("7z", "e", "-so", f"-t{kind}", stream)

    return read


def plain_tar(program):
    def read(stream, image):
        listing = run(program, "-tf", stream)
        if listing != "disk.raw\n":
            raise Wrong(f"has {listing!r}")
        image.compare_pipe(program, "-xOf", stream)

    return read


def python_tar(stream, image):
    with tarfile.open(stream) as archive:
        member = archive.getmember("disk.raw")
        if archive.getnames() != ["disk.raw"] or member.mode != 0o644:
            raise Wrong(f"has {archive.getnames()} {member.mode:o}")
        image.compare(seeking(archive.extractfile(member)), member.size)


def nbdkit_tar(stream, image):
    filters = ["--filter=tar"] + (["--filter=gzip"] if stream.endswith(".gz") else [])
    run("nbdkit", "-U", "-", "-r", *filters, "file", stream, "tar-entry=disk.raw", "--run",
        f"qemu-img compare -f raw -F raw '{image.path}' \"$uri\"")


def own_tar(stream, image):
    """The header is GNU tar's own."""
    with tempfile.TemporaryDirectory(dir=os.path.dirname(stream)) as directory:
        path = os.path.join(directory, "disk.raw")
        with open(path, "wb") as file:
            os.truncate(file.fileno(), image.size)
        with subprocess.Popen(
            ["tar", "--format=oldgnu", "--owner=root:0", "--group=root:0", "--mode=644",
             "--mtime=@0", "-cf", "-", "-C", directory, "disk.raw"], stdout=subprocess.PIPE) as tar:
            header = tar.stdout.read(512)
            tar.kill()
    with open(stream, "rb") as file:
        if file.read(512) != header:
            raise Wrong("has another header than GNU tar's")


class Records:
    """A stream of records for rbd, read by its specification and nothing else."""

    def __init__(self, path, is_image):
        self.file = open(path, "rb")
        self.data, self.zeroes = [], []
        if is_image:
            self.expect(b"rbd image v2\nErbd image diffs v2\n" + struct.pack("<Q", 1))
        self.expect(b"rbd diff v2\n" if is_image else b"rbd diff v1\n")
        end = 0
        while (tag := self.take(1)) != b"e":
            length = self.number() if is_image else None
            if tag == b"s":
                self.size = self.number()
                continue
            offset, count = self.number(), self.number()
            if tag not in b"wz" or offset < end or not count:
                raise Wrong(f"record {tag!r} of {count} bytes at {offset}")
            if length not in (None, 16 + (count if tag == b"w" else 0)):
                raise Wrong(f"record {tag!r} of {count} bytes says {length}")
            if tag == b"w":
                if count > 4 << 20:
                    raise Wrong(f"record of {count} bytes")
                self.data.append((offset, count, self.file.tell()))
                if len(self.take(count)) != count:
                    raise Wrong("is cut in a record")
            else:
                self.zeroes.append((offset, count))
            end = offset + count
        if self.file.read(1):
            raise Wrong("goes on behind its end")
        if end > self.size:
            raise Wrong(f"has a record up to {end} of {self.size}")

    def expect(self, words):
        if (found := self.file.read(len(words))) != words:
            raise Wrong(f"begins with {found!r}")

    def take(self, count):
        if len(found := self.file.read(count)) != count:
            raise Wrong("is cut")
        return found

    def number(self):
        return struct.unpack("<Q", self.take(8))[0]

    def read(self, offset, count):
        piece = bytearray(count)
        for start, length, place in self.data:
            first, last = max(start, offset), min(start + length, offset + count)
            if first < last:
                self.file.seek(place + first - start)
                piece[first - offset:last - offset] = self.file.read(last - first)
        return bytes(piece)


def records(is_image):
    def read(stream, image):
        found = Records(stream, is_image)
        covered = sum(count for _, count, *_ in found.data + found.zeroes)
        if not is_image and covered != image.size:
            raise Wrong(f"says nothing of {image.size - covered} bytes")
        image.compare(found.read, found.size)

    return read


def merge_diff(stream, image):
    """rbd's own code reads it and writes it again."""
    with tempfile.TemporaryDirectory(dir=os.path.dirname(stream)) as directory:
        second, merged = os.path.join(directory, "second"), os.path.join(directory, "merged")
        with open(second, "wb") as file:
            file.write(b"rbd diff v1\ns" + struct.pack("<Q", image.size) + b"e")
        run("rbd", "--no-progress", "-c", "/dev/null", "merge-diff", stream, second, merged)
        image.compare(Records(merged, False).read, Records(merged, False).size)


READERS = {
    "vmdk": {"qemu-img": qemu_img("vmdk"), "libvmdk": libvmdk, "dissect": dissect_vmdk,
             "oslo": oslo, "7z": seven_zip("vmdk")},
    "vhd": {"qemu-img": qemu_img("vpc"), "libvhdi": libvhdi, "dissect": dissect_vhd,
            "7z": seven_zip("vhd")},
    "tar": {"tar": plain_tar("tar"), "bsdtar": plain_tar("bsdtar"), "7z": seven_zip("tar"),
            "python": python_tar, "nbdkit": nbdkit_tar, "header": own_tar},
    "rbd-diff": {"records": records(False), "rbd": merge_diff},
    "rbd-image": {"records": records(True)},
}


def main():
    name, stream, path, *chosen = sys.argv[1:]
    wrong = 0
    for reader in chosen or READERS[name]:
        try:
            READERS[name][reader](stream, Image(path))
        except Exception as error:  # each reader has its own; all are findings
            wrong += 1
            print(f"{reader}: {type(error).__name__}: {error}")
    sys.exit(1 if wrong else 0)


main()
