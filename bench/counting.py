"""Heap allocations and system calls of nbdkit per request.

Each is counted over a few requests and over many more: the difference is what the requests cost,
as starting and ending the server drop out.
"""

from pathlib import Path

import nbd

from images import KIB, MIB
from process import server
from rows import NULL, OURS

# Enough for all threads of the server to have begun.
FEW = 256

# What is asked for, and how long each request is.
REQUESTS = {
    "write of 4 KiB": ("pwrite", 4 * KIB),
    "write of 64 KiB": ("pwrite", 64 * KIB),
    "write of 2 MiB": ("pwrite", 2 * MIB),
    "zero of 32 MiB": ("zero", 32 * MIB),
}
SERVERS = {OURS: ["./streaming.so", "-"], NULL: ["null"]}


def send(kind: str, size: int, count: int, directory: Path):
    """So many requests in order, one at a time."""
    client = nbd.NBD()
    client.connect_unix(str(directory / "socket"))
    buffer = bytearray(b"\x55" * size) if kind == "pwrite" else size
    for number in range(count):
        getattr(client, kind)(buffer, number * size)
    client.shutdown()


def system_calls(log: str) -> dict[str, int]:
    words = [line.split() for line in log.splitlines()]
    return {word[0]: int(word[1]) for word in words if len(word) == 2 and word[1].isdigit()}


def count(plugin: list[str], kind: str, size: int, number: int, directory: Path) -> dict[str, int]:
    plugin = [*plugin, f"size={number * size}"]
    log, total = directory / "calls", directory / "allocations"
    strace = ["strace", "-f", "-c", "-U", "name,calls", "-o", log]
    with server(plugin, directory, under=strace):
        send(kind, size, number, directory)
    preload = {"LD_PRELOAD": str(directory / "allocations.so"), "ALLOCATIONS": str(total)}
    with server(plugin, directory, environment=preload):
        send(kind, size, number, directory)
    calls = system_calls(log.read_text())
    calls.pop("total", None)
    return {"allocations": int(total.read_text())} | calls


def measure(directory: Path, quick: bool, progress) -> dict[str, dict[str, dict[str, float]]]:
    """What one request of each kind costs each server; what is rounded to nothing is left out."""
    result = {}
    for title, (kind, size) in REQUESTS.items():
        more = 64 if quick else 1024
        result[title] = {}
        for column, plugin in SERVERS.items():
            progress(f"{title}: {column}")
            few = count(plugin, kind, size, FEW, directory)
            many = count(plugin, kind, size, FEW + more, directory)
            result[title][column] = {
                name: (many[name] - few.get(name, 0)) / more for name in many
            }
    return result
