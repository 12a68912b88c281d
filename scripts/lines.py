"""Checks that no line of code is longer than people and `swift format` agreed on: swift format does
not report long comments and long strings."""

import os
import subprocess
import sys

LONGEST = 100
KINDS = ("*.swift", "*.c", "*.h", "*.py", "*.sh")

files = subprocess.check_output(["git", "ls-files", *KINDS], text=True).splitlines()
found = [
    f"{name}:{number}: has {len(line)} characters: at most {LONGEST} are allowed"
    for name in files
    if os.path.exists(name)
    for number, line in enumerate(open(name, encoding="utf-8").read().splitlines(), 1)
    if len(line) > LONGEST
]
print("\n".join(found))
sys.exit(bool(found))
