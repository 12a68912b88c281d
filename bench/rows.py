"""What is measured: each row a title and the commands that are run in turn."""

from dataclasses import dataclass
from pathlib import Path

from images import KIB, MIB, GIB, Images

OURS, SMALL, NBDCOPY, FLOOR = "streaming", "64 KiB pipe", "nbdcopy", "floor"
NULL, IN_C = "nbdkit null", "in C"
RAMDISK, MEMORY = "RAM disk in Swift", "nbdkit memory"
AGAINST = "against"
PIPE_WRITE, WAKING_WRITE = "a pipe write", "a waking pipe write"

# Microseconds between two writes, about what a request takes: a reader has fallen asleep by then.
PAUSE = 10


@dataclass(frozen=True)
class Command:
    """Something to time: {out} in it is where the reader's output goes."""

    script: str
    pipe_stays_small: bool = False
    # Where a client that takes long to start leaves its own measurement.
    fio_result: str | None = None
    # Seconds of its time in which it does nothing, on purpose.
    pauses: float = 0

    def timed(self) -> str:
        return self.script.format(out="> /dev/null")

    def checked(self, check: str) -> str:
        return self.script.format(out=check)


@dataclass(frozen=True)
class Row:
    name: str
    title: str
    kind: str  # the table it stands in: streams, jobs, requests, disks, windows, others or start
    commands: dict[str, Command]
    check: str = ""  # reads what the reader puts out, and fails if that is not all
    image: str | None = None
    requests: int = 1
    runs: int = 1  # runs each round: the short ones need more
    most_rounds: int = 10  # of one that takes very long


def serve(plugin: str, size: int, client: str) -> str:
    return f"nbdkit -U - {plugin} size={size // MIB}M --run '{client}'"


def convert(image: str) -> str:
    return f'qemu-img convert -n -f {Path(image).suffix[1:]} -O raw {image} "$uri"'


def export(image: str) -> str:
    return f"nbdcopy -- [ qemu-nbd -r -f {Path(image).suffix[1:]} {image} ] -"


def raw(image: str) -> str:
    return str(Path(image).with_suffix(".raw"))


def title(images: Images, image: str, reader: str) -> str:
    size = f"{images.size(image) / GIB:g} GiB"
    content = image.removesuffix(".raw").replace("-short", "").replace(".", ", ")
    return f"{size} {content}, into {reader}"


def stream(
    images: Images, name: str, image: str, reader: str, decode: str = "", rounds: int = 10
) -> Row:
    """Into the standard input of `reader`; `decode` undoes what that does to the bytes."""
    pipe = f" | {reader} {{out}}"
    ours = serve("./streaming.so -", images.size(image), convert(image)) + pipe
    return Row(
        name, title(images, image, reader.split()[0]), "streams", image=image,
        check=f"{decode} | cmp - {raw(image)}", most_rounds=rounds, commands={
            OURS: Command(ours),
            SMALL: Command(ours, pipe_stays_small=True),
            NBDCOPY: Command(export(image) + pipe),
            FLOOR: Command(f"./floor copy {raw(image)}" + pipe),
        })


def socket(images: Images, name: str, image: str, rounds: int = 10) -> Row:
    """Into a UNIX socket, on which a reader listens."""
    def to(writer: str) -> Command:
        listen = "socat -u -b 131072 UNIX-LISTEN:socket - {out} &"
        return Command(f"{listen} until [ -S socket ]; do sleep 0.01; done; {writer}; wait $!")

    return Row(
        name, title(images, image, "a socket"), "streams", image=image,
        check=f" | cmp - {raw(image)}", most_rounds=rounds, commands={
            OURS: to(serve("./streaming.so socket", images.size(image), convert(image))),
            NBDCOPY: to(export(image) + " | socat -u -b 131072 - UNIX-CONNECT:socket"),
            FLOOR: to(f"./floor copy {raw(image)} socket"),
        })


def requests(quick: bool, size: int, depth: int) -> Row:
    """Sequential writes of one size, so many of them in flight, against a disk that forgets."""
    count = (64 if quick else 128) * MIB // size
    client = (
        f'fio --name=write --ioengine=nbd --uri="$uri" --rw=write --bs={size} --iodepth={depth}'
        f" --size={count * size} --output-format=json --output=fio.json"
    )
    return Row(
        f"write-{size // KIB}k-{depth}", f"{size // KIB} KiB writes, queue depth {depth}",
        "requests", requests=count, check=f" | wc -c | grep -qx {count * size}", commands={
            OURS: Command(
                serve("./streaming.so -", count * size, client) + " | cat {out}",
                fio_result="fio.json"),
            IN_C: Command(
                serve("./write-only.so", count * size, client) + " | cat {out}",
                fio_result="fio.json"),
            NULL: Command(serve("null", count * size, client), fio_result="fio.json"),
            PIPE_WRITE: Command(f"./floor write {size} {count} | cat {{out}}"),
            WAKING_WRITE: Command(
                f"./floor write {size} {count} {PAUSE} | cat {{out}}", pauses=count * PAUSE / 1e6),
        })


def random_access(quick: bool, kind: str, depth: int) -> Row:
    """4 KiB requests all over a disk that is full: the example RAM disk against nbdkit's own."""
    size = (64 if quick else 128) * MIB
    fio = f'fio --ioengine=nbd --uri="$uri" --size={size}'
    client = (
        f"{fio} --name=fill --rw=write --bs=1M --output=fill && {fio} --name={kind} --rw=rand{kind}"
        f" --bs=4k --iodepth={depth} --output-format=json --output=fio.json"
    )
    return Row(
        f"random-{kind}-{depth}", f"4 KiB random {kind}s, queue depth {depth}", "disks",
        requests=size // (4 * KIB), most_rounds=5, commands={
            RAMDISK: Command(serve("./ramdisk.so", size, client), fio_result="fio.json"),
            MEMORY: Command(serve("memory", size, client), fio_result="fio.json"),
        })


def windows(images: Images, quick: bool) -> list[Row]:
    """What disorder costs: the same bytes in another order, at another place,
    or not kept at all."""
    dense, size = "dense.raw", images.size("dense.raw")
    in_order = convert(dense)
    out_of_order = in_order.replace("convert", "convert -W -m 16")
    export = f'nbdcopy -- [ qemu-nbd -r -f raw {dense} ] "$uri"'

    def ours(client: str, size: int, parameters: str = "") -> Command:
        return Command(serve(f"./streaming.so - {parameters}", size, client) + " | cat {out}")

    # So many pieces of 512 bytes with as much between them, which is never written.
    pieces = (1 << 14 if quick else 1 << 20)
    scattered = (
        f'fio --name=tiny --ioengine=nbd --uri="$uri" --rw=write:512 --bs=512 --iodepth=16'
        f" --offset=4k --size={pieces * KIB} --io_size={pieces * 512} --output=fio.log"
    )
    spread = pieces * KIB + MIB
    shuffled_size = 64 * MIB if quick else 512 * MIB
    shuffled = (
        f'fio --name=shuffled --ioengine=nbd --uri="$uri" --rw=randwrite --bs=64k --iodepth=16'
        f" --size={shuffled_size} --randrepeat=1 --output=fio.log"
    )
    window = f"reorder={shuffled_size}"
    return [
        Row("window-order", "qemu-img convert -W -m 16, against in order", "windows", image=dense,
            check=f" | cmp - {dense}", commands={
                OURS: ours(out_of_order, size), AGAINST: ours(in_order, size)}),
        Row("window-nbdcopy", "nbdcopy, against nbdcopy into nbdkit null", "windows", image=dense,
            check=f" | cmp - {dense}", commands={
                OURS: ours(export, size), AGAINST: Command(serve("null", size, export))}),
        Row("window-tiny", f"{pieces} pieces of 512 bytes held, against the same into nbdkit null",
            "windows", check=f" | wc -c | grep -qx {4 * KIB + pieces * KIB - 512}", most_rounds=3,
            commands={
                OURS: ours(scattered, spread, f"reorder={spread}"),
                AGAINST: Command(serve("null", spread, scattered))}),
        Row("window-spool", "any order, held in a spool, against in memory", "windows",
            check=f" | wc -c | grep -qx {shuffled_size}", commands={
            OURS: ours(shuffled, shuffled_size, f"{window} spool=."),
            AGAINST: ours(shuffled, shuffled_size, window)}),
    ]


def others(images: Images) -> list[Row]:
    """A stream that is read, against a file as large as the disk; and what it costs
    to show progress."""
    dense, size = "dense.raw", images.size("dense.raw")
    title = f"{size / GIB:g} GiB dense"
    read = serve("./streaming.so read=-", size, 'nbdcopy "$uri" - {out}')
    copied = "cat >copy && nbdcopy -- [ qemu-nbd -r -f raw copy ] - {out}; rm copy"
    shown = serve("./streaming.so - progress=true", size, convert(dense))
    return [
        Row("read", f"{title}, read from a pipe by nbdcopy, against by way of a file", "others",
            image=dense, most_rounds=5, check=f" | cmp - {dense}", commands={
                OURS: Command(f"cat {dense} | {read}"),
                AGAINST: Command(f"cat {dense} | {{{{ {copied}; }}}}")}),
        Row("progress", f"{title}, with progress=true, against without", "others",
            image=dense, check=f" | cmp - {dense}", commands={
                OURS: Command(shown + " 2>progress | cat {out}"),
                AGAINST: Command(
                    serve("./streaming.so -", size, convert(dense)) + " | cat {out}")}),
    ]


def jobs(images: Images) -> list[Row]:
    """What people do with a stream: a small object out, and the disk back.

    Whatever compresses writes into a pipe that `cat` reads, as it would for an upload.
    """
    def shown(image: str) -> str:
        size, name = f"{images.size(image) / GIB:g} GiB", Path(image).stem
        return f"{size} of files" if name == "files" else f"{size} {name.removesuffix('-short')}"

    def ours(image: str, parameters: str) -> Command:
        plugin = f"./streaming.so - {parameters}"
        return Command(serve(plugin, images.size(image), convert(image)) + " | cat {out}")

    def piped(image: str, tool: str) -> Command:
        plain = serve("./streaming.so -", images.size(image), convert(image))
        return Command(f"{plain} | {tool} | cat {{out}}")

    def compressed(image: str, how: str, tool: str, others: dict[str, Command]) -> Row:
        return Row(
            f"job-{how}-{Path(image).stem}", f"{shown(image)} to {how}", "jobs", image=image,
            check=f" | {tool.split()[0]} -dc | cmp - {image}", commands={
                OURS: ours(image, f"compress={how} compress-level=1"),
                f"streaming, raw, into `{tool}`": piped(image, tool), **others})

    def nbdcopied(image: str, tool: str) -> dict[str, Command]:
        return {f"nbdcopy into `{tool}`": Command(f"{export(image)} | {tool} | cat {{out}}")}

    def by_qemu_img(image: str, options: str, output: str) -> dict[str, Command]:
        tool = f"qemu-img convert {options}"
        return {f"`{tool}`": Command(f"{tool} -f raw {image} {output}")}

    def compressed_qcow2(image: str) -> dict[str, Command]:
        options = "-c -O qcow2 -o compression_type=zstd -W -m 8"
        return by_qemu_img(image, options, "out.qcow2")

    def vmdk(image: str) -> dict[str, Command]:
        return by_qemu_img(image, "-O vmdk -o subformat=streamOptimized", "out.vmdk")

    def restored(image: str) -> Row:
        size, stream = images.size(image), Path(image).with_suffix(".zst")
        client = 'qemu-img convert -f raw "$uri" -O qcow2 out.qcow2'
        file = f"zstd -q -d -f {stream} -o copy && qemu-img convert -f raw copy -O qcow2 out.qcow2"
        end = "; true {out}"
        return Row(
            f"job-restore-{Path(image).stem}", f"{shown(image)} from zstd to qcow2", "jobs",
            image=stream.name, check=f"; qemu-img compare -f qcow2 -F raw out.qcow2 {image}",
            commands={
                OURS: Command(
                    f"cat {stream} | "
                    + serve("./streaming.so read=- decompress=zstd", size, client) + end),
                "streaming, raw, from `zstd -dc`": Command(
                    f"zstd -q -dc {stream} | "
                    + serve("./streaming.so read=-", size, client) + end),
                "`zstd -d` to a file, and `qemu-img convert`": Command(f"{file}; rm copy" + end),
            })

    def formatted(image: str, format: str, against: dict[str, Command], rounds: int = 10) -> Row:
        return Row(
            f"job-{format}-{Path(image).stem}", f"{shown(image)} as {format}", "jobs", image=image,
            check="> /dev/null", most_rounds=rounds,
            commands={OURS: ours(image, f"format={format}"), **against})

    tool = "zstd -q -1 -T0"
    files, sparse, short, random = "files.raw", "sparse.raw", "sparse-short.raw", "dense-short.raw"
    zstd = {"streaming to zstd": ours(sparse, "compress=zstd compress-level=1")}
    plain = {"streaming, raw": ours(sparse, "")}
    return [
        *(compressed(image, "zstd", tool, nbdcopied(image, tool) | compressed_qcow2(image))
          for image in (sparse, files, random)),
        compressed(short, "gzip", "pigz -1", {}),
        compressed(files, "gzip", "pigz -1", {}),
        restored(sparse),
        restored(files),
        formatted(sparse, "vmdk", vmdk(sparse) | zstd),
        # qemu-img compresses with one processor, at zlib's level 6.
        formatted(files, "vmdk", vmdk(files), rounds=2),
        formatted(sparse, "rbd-diff", zstd),
        formatted(sparse, "rbd-image", zstd),
        formatted(sparse, "vhd", plain),
        formatted(sparse, "tar", plain),
    ]


def start() -> Row:
    return Row("start", "start and end", "start", runs=5, commands={
        OURS: Command("nbdkit -U - ./streaming.so /dev/null --run true"),
        NULL: Command("nbdkit -U - null --run true"),
    })


def all_rows(images: Images, quick: bool) -> list[Row]:
    def into(*arguments) -> Row:
        return stream(images, *arguments)

    return [
        into("dense", "dense.raw", "cat"),
        into("dense-qcow2", "dense.qcow2", "cat"),
        into("dense-pv", "dense-short.raw", "pv -q"),
        into("dense-zstd", "dense-short.raw", "zstd -q -1", "| zstd -q -d"),
        socket(images, "dense-socket", "dense.raw"),
        into("sparse", "sparse.raw", "cat", "", 5),
        into("sparse-pv", "sparse-short.raw", "pv -q"),
        into("sparse-zstd", "sparse-short.raw", "zstd -q -1", "| zstd -q -d", 3),
        socket(images, "sparse-socket", "sparse-short.raw", 5),
        into("alternating", "alternating.raw", "cat"),
        *jobs(images),
        *(requests(quick, size * KIB, depth) for size in (4, 64) for depth in (1, 16)),
        *(random_access(quick, kind, depth) for kind in ("read", "write") for depth in (1, 64)),
        *windows(images, quick),
        *others(images),
        start(),
    ]
