"""Starting what is measured, and ending it whatever happens."""

import os
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path


def run(arguments: list, directory: Path, **options) -> subprocess.CompletedProcess:
    """Runs a command in a group of its own, which is ended with us; raises if it fails."""
    with subprocess.Popen(arguments, cwd=directory, start_new_session=True, **options) as process:
        try:
            output = process.communicate(timeout=900)
        except BaseException:
            os.killpg(process.pid, signal.SIGTERM)
            raise
    if process.returncode:
        raise SystemExit(f"failed with {process.returncode}: {arguments[-1]}")
    return subprocess.CompletedProcess(arguments, process.returncode, *output)


def threads(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/task"))


@contextmanager
def server(plugin: list[str], directory: Path, under=(), environment=None):
    """nbdkit, serving on `socket`, with `cat` as the reader of its standard output.

    Yields the process id of nbdkit itself, which may run `under` a tracer.
    """
    pid_file = directory / "pid"
    pid_file.unlink(missing_ok=True)
    nbdkit = [*under, "nbdkit", "--exit-with-parent", "-f", "-P", "pid", "-U", "socket", *plugin]
    with subprocess.Popen("cat", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as reader:
        with subprocess.Popen(
            nbdkit, cwd=directory, stdout=reader.stdin, env=os.environ | (environment or {})
        ) as process:
            reader.stdin.close()
            pid = None
            try:
                while not (pid_file.exists() and (text := pid_file.read_text())):
                    if process.poll() is not None:
                        raise SystemExit(f"nbdkit did not start: {nbdkit}")
                    time.sleep(0.01)
                pid = int(text)
                before = threads(pid)
                yield pid
                # A client that has gone is still being taken leave of in its own thread.
                until = time.monotonic() + 5
                while threads(pid) > before and time.monotonic() < until:
                    time.sleep(0.01)
            finally:
                if process.poll() is None:
                    os.kill(pid or process.pid, signal.SIGTERM)
    (directory / "socket").unlink(missing_ok=True)
