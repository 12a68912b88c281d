"""Runs the commands of a row in turn, so that what disturbs one disturbs its neighbour too."""

import json
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

from process import run
from rows import Command, Row

# Shows a smaller limit to all that runs in it, and to nobody else: the plugin leaves pipes as large
# as they are then. Outside of what is timed.
SMALL_PIPES = [
    "unshare", "--map-root-user", "--mount", "sh", "-c",
    'mount --bind small /proc/sys/fs/pipe-max-size && exec "$@"', "sh",
]


class Timer:
    def __init__(self, directory: Path):
        self.directory = directory
        (directory / "small").write_text("65536\n")
        probe = subprocess.run([*SMALL_PIPES, "true"], cwd=directory, stderr=subprocess.DEVNULL)
        self.can_keep_pipes_small = probe.returncode == 0

    def measure(
        self, row: Row, rounds: int, progress: Callable[[str], None]
    ) -> dict[str, list[float]]:
        """The seconds of each command, the nth of one to be compared with the nth of another."""
        commands = {
            column: command for column, command in row.commands.items()
            if self.can_keep_pipes_small or not command.pipe_stays_small
        }
        for column, command in commands.items():
            progress(f"do all bytes arrive: {column}")
            self.run(command, self.shell(command.checked(row.check)))
        times = {column: [] for column in commands}
        for number in range(rounds * row.runs):
            # Each round begins with another one, as what ran before is no neutral matter.
            first = number % len(commands)
            for column in [*commands, *commands][first:first + len(commands)]:
                times[column].append(self.once(commands[column]))
            newest = ", ".join(f"{column} {times[column][-1]:.3g} s" for column in commands)
            progress(f"round {number + 1} of {rounds * row.runs}: {newest}")
        return times

    def once(self, command: Command) -> float:
        """From the start of the first process of a pipeline to the end of the last."""
        line = shlex.join(self.shell(command.timed()))
        hyperfine = ["hyperfine", "-N", "--runs", "1", "--style", "none"]
        self.run(command, [*hyperfine, "--export-json", "time.json", line])
        if command.fio_result:
            result = json.loads((self.directory / command.fio_result).read_text())
            job = result["jobs"][0]
            return (job["read"]["runtime"] + job["write"]["runtime"]) / 1000
        result = json.loads((self.directory / "time.json").read_text())["results"][0]
        return result["times"][0] - command.pauses

    def run(self, command: Command, arguments: list[str]):
        run(SMALL_PIPES * command.pipe_stays_small + arguments, self.directory)

    @staticmethod
    def shell(script: str) -> list[str]:
        return ["bash", "-e", "-o", "pipefail", "-c", script]
