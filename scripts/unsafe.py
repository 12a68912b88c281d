#!/usr/bin/env python3
"""Writes the list of files with unsafe code into docs/ARCHITECTURE.md, or says whether it is
the same there.

usage: unsafe.py write|check
"""

import re
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "ARCHITECTURE.md"
BEGIN, END = "<!-- made by scripts/unsafe.py: begin -->", "<!-- made by scripts/unsafe.py: end -->"
UNSAFE = re.compile(r"Unsafe|unsafeBitCast|nonisolated\(unsafe\)|@unchecked")
# No part of what is installed.
LEFT_OUT = ["NBDKitTestKit"]


def listed() -> str:
    lines = []
    for module in sorted((ROOT / "Sources").iterdir()):
        files = sorted(
            path.stem for path in module.rglob("*.swift") if UNSAFE.search(path.read_text()))
        if files and module.name not in LEFT_OUT:
            lines += textwrap.wrap(
                f"- {module.name}: {', '.join(files)}", 110, subsequent_indent="  ",
                break_on_hyphens=False)
    return "\n".join(lines)


def main():
    if sys.argv[1:] not in (["write"], ["check"]):
        sys.exit("usage: unsafe.py write|check")
    text = PAGE.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    filled = f"{before}{BEGIN}\n\n{listed()}\n\n{END}{after}"
    if sys.argv[1] == "write":
        PAGE.write_text(filled)
    elif filled != text:
        sys.exit(
            f"{PAGE.relative_to(ROOT)}: the list of unsafe code is not that of the sources: "
            "run 'make format'")


if __name__ == "__main__":
    main()
