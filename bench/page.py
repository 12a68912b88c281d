"""Writes what was measured as Markdown, between markers: what people wrote around them stays."""

from pathlib import Path
from statistics import median

from rows import (
    AGAINST, FLOOR, IN_C, MEMORY, NBDCOPY, NULL, OURS, PAUSE, PIPE_WRITE, RAMDISK, SMALL,
    WAKING_WRITE)


def number(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def spread(values: list[float]) -> str:
    """The median, with the least and the most."""
    return f"{number(median(values))} ({number(min(values))} to {number(max(values))})"


def ratios(times: dict, above: str, below: str) -> list[float]:
    """Of runs in the same round: a machine that is slow for a while is slow for both."""
    return [a / b for a, b in zip(times.get(above, []), times.get(below, []))]


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return ["| " + " | ".join(cells) + " |" for cells in (head, rule, *rows)] + [""]


def titled(row: dict, rounds: int) -> str:
    """Its title, with the number of rounds if they are fewer than others have."""
    most = max(map(len, row["times"].values()))
    return row["title"] + (f", {most} rounds" if most < rounds else "")


def streams(rows: list[dict], rounds: int) -> list[str]:
    columns = (OURS, SMALL, NBDCOPY, FLOOR)
    against = (NBDCOPY, FLOOR, SMALL)

    def cells(row: dict) -> list[str]:
        times = row["times"]
        return [
            titled(row, rounds),
            *(number(median(times[column])) if column in times else "" for column in columns),
            *(spread(ratios(times, OURS, other)) if other in times else "" for other in against),
        ]

    head = ["", *(f"{column}, s" for column in columns), *(f"{OURS} / {o}" for o in against)]
    return [
        "### Streams", "",
        "![Each time as a share of nbdcopy's in the same round](benchmarks.svg)", "",
        f"Medians of {rounds} rounds; of ratios the median of all rounds, the least and the most.",
        "", *table(head, [cells(row) for row in rows]),
    ]


def jobs(rows: list[dict], rounds: int) -> list[str]:
    def lines(row: dict) -> list[list[str]]:
        times = row["times"]
        others = [column for column in times if column != OURS]
        return [
            [titled(row, rounds) if other == others[0] else "",
             number(median(times[OURS])) if other == others[0] else "",
             other, number(median(times[other])), spread(ratios(times, OURS, other))]
            for other in others
        ]

    table_lines = table(
        ["", "s", "against", "s", "ratio"], [line for row in rows for line in lines(row)])
    # What is compared with is words.
    table_lines[1] = "| --- | ---: | --- | ---: | ---: |"
    return [
        "### Whole jobs", "", "![Each time as a share of the longest of its job](jobs.svg)", "",
        f"Medians of {rounds} rounds; of ratios the median of all rounds, the least and the most.",
        "All compression is at level 1. *Files* are those in /usr.", "", *table_lines,
    ]


def requests(rows: list[dict], rounds: int) -> list[str]:
    def cells(row: dict) -> list[str]:
        times = {
            column: [second / row["requests"] * 1e6 for second in seconds]
            for column, seconds in row["times"].items()
        }
        more = [ours - null for ours, null in zip(times[OURS], times[NULL])]
        columns = (
            times[OURS], times[NULL], more, times[PIPE_WRITE], times[WAKING_WRITE],
            ratios(times, OURS, NULL), ratios(times, OURS, IN_C))
        return [row["title"], *map(spread, columns)]

    head = [
        "", f"{OURS}, µs", f"{NULL}, µs", f"{OURS} − {NULL}, µs", f"{PIPE_WRITE}, µs",
        f"{WAKING_WRITE}, µs", f"{OURS} / {NULL}", f"{OURS} / {IN_C}",
    ]
    return [
        "### Requests", "",
        f"Microseconds a request, measured by fio, median of {rounds} rounds; and what a write of",
        "the same size into a pipe takes while `cat` reads it: with no pause between writes, and",
        f"with {PAUSE} µs, so that the reader has to be woken for each, as between requests.",
        "*In C* is bench/write-only.c, a plugin that does nothing but write to a pipe.", "",
        *table(head, [cells(row) for row in rows]),
    ]


def disks(rows: list[dict], rounds: int) -> list[str]:
    def cells(row: dict) -> list[str]:
        times = {
            column: [second / row["requests"] * 1e6 for second in seconds]
            for column, seconds in row["times"].items()
        }
        columns = (times[RAMDISK], times[MEMORY], ratios(times, RAMDISK, MEMORY))
        return [titled(row, rounds), *map(spread, columns)]

    head = ["", f"{RAMDISK}, µs", f"{MEMORY}, µs", f"{RAMDISK} / {MEMORY}"]
    return [
        "### NBDKit", "",
        f"Microseconds a request, measured by fio, median of {rounds} rounds. The RAM disk is",
        "Examples/RAMDisk, made with NBDKit, the Swift binding; the other is nbdkit-memory-plugin.",
        "Both disks were filled first.", "", *table(head, [cells(row) for row in rows]),
    ]


def pairs(title: str, text: str, rows: list[dict], rounds: int) -> list[str]:
    def cells(row: dict) -> list[str]:
        times = row["times"]
        columns = (times[OURS], times[AGAINST], ratios(times, OURS, AGAINST))
        return [titled(row, rounds), *map(spread, columns)]

    head = ["", "s", f"{AGAINST}, s", "ratio"]
    return [
        f"### {title}", "", f"{text}, medians of {rounds} rounds.", "",
        *table(head, [cells(row) for row in rows]),
    ]


def starts(rows: list[dict]) -> list[str]:
    def cells(row: dict) -> list[str]:
        times = {c: [second * 1e3 for second in times] for c, times in row["times"].items()}
        more = [ours - null for ours, null in zip(times[OURS], times[NULL])]
        return [row["title"], *map(spread, (times[OURS], times[NULL], more))]

    head = ["", f"{OURS}, ms", f"{NULL}, ms", "difference, ms"]
    return ["### Start", "", *table(head, [cells(row) for row in rows])]


def memory(results: dict) -> list[str]:
    def mib(kib: int) -> str:
        return f"{kib / 1024:.1f}"

    def cells(size: str, column: str, seen: dict) -> list[str]:
        least, most = seen["settled"]
        return [f"{size}, {column}", *map(mib, (seen["idle"], seen["most"], least, most))]

    head = ["", "before, MiB", "most, MiB", "least after a tenth, MiB", "most after a tenth, MiB"]
    rows = [
        cells(size, column, seen)
        for size, servers in results.items() for column, seen in servers.items()
    ]
    return [
        "### Memory", "",
        "Resident memory of the nbdkit process (VmHWM for the most, and VmRSS every 20 ms) while",
        "`qemu-img convert` writes in order, in requests of up to 2 MiB.", "", *table(head, rows),
    ]


def load(rows: list[dict], disturbed: float) -> list[str]:
    """How quiet the machine was."""
    quiet = max(row["others"] for row in rows)
    again = [row["title"] for row in rows if row["tries"] > 1]
    lines = [
        f"- Load: other processes used at most {quiet:.0%} of one processor while a row was",
        "  measured (among them the kernel's threads, which write what a job leaves to the disk).",
    ]
    if again:
        lines.append(
            f"  Measured again, as they used more than {disturbed:.0%}: {'; '.join(again)}")
    return lines


def grown(results: dict) -> list[str]:
    def cells(title: str, rounds: list[dict]) -> list[str]:
        values = {field: median(found[field] for found in rounds) for field in rounds[0]}
        return [
            title, number(values["seconds"]), number(values["processor"]),
            f"{max(found['memory'] for found in rounds) / 1024:.1f}",
            number(values["output"] / 2**20)]

    head = ["", "s", "processor, s", "memory, MiB", "output, MiB"]
    return [
        "### Threads, and the size of the disk", "",
        "Seconds until `qemu-img convert` has its last answer, nbdkit's processor time, the most",
        "memory that it had resident (VmHWM), and the bytes that it sent, at the default level.",
        "", *table(head, [cells(title, rounds) for title, rounds in results.items()]),
    ]


def costs(cost: dict[str, float]) -> str:
    """Leaves out what rounds to nothing, and puts what is most first."""
    calls = sorted(((n, name) for name, n in cost.items() if name != "allocations"), reverse=True)
    listed = ", ".join(f"{name} {n:.2f}" for n, name in calls if n >= 0.005)
    return f"{cost['allocations']:.3f} | {listed or 'none'}"


def counts(results: dict) -> list[str]:
    lines = [
        "### Allocations and system calls of nbdkit per request", "",
        "One request at a time, in order, while `cat` reads the stream. Each number is a",
        "difference between many requests and few, so it has nothing of the start. A server that",
        "is traced is slow and seldom meets a full pipe: a stream at full speed polls more often.",
        "",
        "| | | allocations | system calls |", "| --- | --- | ---: | --- |",
    ]
    for title, servers in results.items():
        lines += [f"| {title} | {column} | {costs(cost)} |" for column, cost in servers.items()]
    return [*lines, ""]


def commands(rows: list[dict]) -> list[str]:
    lines = [
        "### Commands", "",
        "Each is run by `bash -e -o pipefail -c` and timed by `hyperfine -N --runs 1`, in a",
        "directory where `streaming.so` is the plugin and `ramdisk.so` the example. `floor` and",
        f"`write-only.so` are built from bench/. The column *{SMALL}* is the first command, where",
        "`/proc/sys/fs/pipe-max-size` is 65536.", "",
        "<details><summary>all</summary>", "", "```sh",
    ]
    for row in rows:
        lines.append(f"# {row['title']}")
        lines += [line for column, line in row["commands"].items() if column != SMALL]
    return [*lines, "```", "", "</details>"]


def render(results: dict) -> str:
    rows = results["rows"].values()
    rounds = results["stamp"]["rounds"]

    def of(kind: str) -> list[dict]:
        return [row for row in rows if row["kind"] == kind]

    lines = [f"- {what}: {value}" for what, value in results["stamp"]["machine"].items()]
    if rows:
        lines += load(list(rows), results["stamp"]["disturbed"])
    lines.append("")
    if of("streams"):
        lines += streams(of("streams"), rounds)
    if of("jobs"):
        lines += jobs(of("jobs"), rounds)
    if of("requests"):
        lines += requests(of("requests"), rounds)
    if of("disks"):
        lines += disks(of("disks"), rounds)
    if of("windows"):
        lines += pairs("Windows", "What it costs to hold bytes", of("windows"), rounds)
    if of("others"):
        lines += pairs(
            "Reading and showing", "A stream as a disk, and progress", of("others"), rounds)
    if of("start"):
        lines += starts(of("start"))
    if "memory" in results:
        lines += memory(results["memory"])
    if "growth" in results:
        lines += grown(results["growth"])
    if "counts" in results:
        lines += counts(results["counts"])
    if rows:
        lines += commands(list(rows))
    return "\n".join(lines).strip()


BEGIN, END = "<!-- made by make bench: begin -->", "<!-- made by make bench: end -->"


def fill(frame: str, text: str) -> str:
    before, _, rest = frame.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"
