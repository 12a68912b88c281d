"""What the figures hold for."""

import os
import platform
import re
import subprocess
from datetime import date
from pathlib import Path

TOOLS = ["nbdkit", "qemu-img", "nbdcopy", "fio", "hyperfine", "cat", "pv", "zstd", "pigz", "socat"]


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text, re.MULTILINE)
    return match[1] if match else "unknown"


def version(tool: str) -> str:
    option = "-V" if tool == "socat" else "--version"
    output = subprocess.run([tool, option], capture_output=True, text=True)
    return found(r"(\d+\.\d[\d.]*)", output.stdout)


def commit(root: Path) -> str:
    """The newest one that changed the plugin: the page that is written here is itself a change."""
    def git(*arguments: str) -> str:
        command = ["git", *arguments, "--", "Sources", "Package.swift"]
        return subprocess.run(command, cwd=root, capture_output=True, text=True).stdout.strip()

    changed = " and changes" if git("status", "--porcelain") else ""
    return (git("log", "-1", "--format=%h") or "unknown commit") + changed


def describe(root: Path) -> dict[str, str]:
    processor = found(r"^model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = int(found(r"^MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text()))
    system = found(r'^PRETTY_NAME="?([^"\n]*)', Path("/etc/os-release").read_text())
    kernel = found(r"^([\d.]+\d)", platform.release())
    return {
        "Plugin": f"{commit(root)}, built by Swift {version('swift')}",
        "Machine": f"{processor}, {os.cpu_count()} processors, {memory / 2**20:.0f} GiB",
        "System": f"{system}, Linux {kernel}",
        "Programs": ", ".join(f"{tool} {version(tool)}" for tool in TOOLS),
        "Date": f"{date.today()}",
    }
