"""Measures the largest disorder of each client and draws docs/windows.svg.

usage: bench/disorder.py [RUNS]

Each client copies 512 MiB of data, and 6.5 GiB of which 480 MiB are data between holes of up to
2.8 GiB, the image's holes and data as in Tests/EndToEndTests/DisorderedClientTests.swift.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLUGIN = ROOT / "build" / "nbdkit-streaming-plugin.so"
MIB = 1 << 20
IMAGES = {
    "dense": (512, [(0, 512)]),
    "sparse": (6656, [(0, 96), (672, 96), (1536, 96), (3584, 96), (6560, 96)]),
}
CLIENTS = {
    "qemu-img convert": "qemu-img convert -n -f raw -O raw {} $uri",
    "nbdcopy from qemu-nbd": "nbdcopy -- [ qemu-nbd -r -f raw {} ] $uri",
    "qemu-img convert -W": "qemu-img convert -W -n -f raw -O raw {} $uri",
    "qemu-img convert -W -m 16": "qemu-img convert -W -m 16 -n -f raw -O raw {} $uri",
}
COLOURS = {"dense": "#2f81f7", "sparse": "#c4722e"}


def make(path, size, data):
    with open(path, "wb") as file:
        for start, count in data:
            file.seek(start * MIB)
            for _ in range(count):
                file.write(os.urandom(MIB))
        file.truncate(size * MIB)


def disorder(client, image, size):
    """The largest one of a run, in MiB."""
    command = ["nbdkit", "-v", "-U", "-", str(PLUGIN), "-", f"size={size}M", "--run",
               client.format(image)]
    with subprocess.Popen("cat", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as reader:
        run = subprocess.run(command, stdout=reader.stdin, stderr=subprocess.PIPE, check=True)
        reader.stdin.close()
    return int(re.search(rb"largest reorder was (\d+)", run.stderr)[1]) / MIB


def draw(rows):
    left, scale, y, parts = 200, 420 / 300, 40, []
    for name, results in rows.items():
        parts.append(f'<text x="{left - 8}" y="{y + 16}" text-anchor="end">{name}</text>')
        for kind, values in results.items():
            least, most = min(values), max(values)
            parts.append(
                f'<rect x="{left}" y="{y}" width="{max(most * scale, 1):.0f}" height="11"'
                f' fill="{COLOURS[kind]}"/><text x="{left + most * scale + 6:.0f}" y="{y + 10}">'
                f"{least:.0f} to {most:.0f} MiB</text>")
            y += 13
        y += 10
    x = left + 256 * scale
    parts += [f'<line x1="{x:.0f}" x2="{x:.0f}" y1="30" y2="{y}" stroke="#6e7781"/>',
              f'<text x="{x - 4:.0f}" y="24" text-anchor="end">reorder=256M</text>']
    for number, (kind, colour) in enumerate(COLOURS.items()):
        parts.append(f'<text x="{10 + 70 * number}" y="20" fill="{colour}">{kind}</text>')
    style = ("<style>text { font: 12px system-ui, sans-serif } "
             "text:not([fill]) { fill: #6e7781 }</style>")
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="760" height="{y}" role="img">'
            f"<title>Largest disorder of each client</title>\n{style}\n"
            + "\n".join(parts) + "\n</svg>\n")


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    rows = {name: {} for name in CLIENTS}
    with tempfile.TemporaryDirectory(prefix="disorder-") as directory:
        for kind, (size, data) in IMAGES.items():
            image = f"{directory}/{kind}"
            make(image, size, data)
            for name, client in CLIENTS.items():
                rows[name][kind] = [disorder(client, image, size) for _ in range(runs)]
    (ROOT / "docs" / "windows.svg").write_text(draw(rows))
    for name, results in rows.items():
        print(name, {kind: (min(v), max(v)) for kind, v in results.items()})


main()
