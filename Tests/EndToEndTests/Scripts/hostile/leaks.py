"""One whole stream under valgrind, spool and windows included: no invalid access,
no definite leak."""

import re
import tempfile

import wire
from disk import pattern
from server import ROOT, Finding, Reader, Server
from wire import Connection

MIB = 1 << 20


def main():
    wire.LIMIT = 60  # Everything takes many times as long.
    with tempfile.NamedTemporaryFile("r") as log:
        valgrind = [
            "valgrind", "--leak-check=full", "--errors-for-leak-kinds=definite",
            f"--suppressions={ROOT}/Tests/Sanitizers/valgrind.txt", f"--log-file={log.name}"]
        parameters = ["size=4M", "reorder=8M", "rewind=256k", "spool=@"]
        with Server(parameters, prefix=valgrind) as server:
            reader = Reader(server.fifo)
            content = pattern(1, 0, MIB) + bytes(MIB) + pattern(3, 2 * MIB, 2 * MIB)
            for parts in (0, 2, 3), (1,):
                connection = Connection(server.socket).negotiate()
                for part in parts:
                    offset = part * MIB
                    data = content[offset:offset + MIB]
                    kind = wire.WRITE if any(data) else wire.ZERO
                    connection.send(
                        wire.request(kind, offset, MIB) + (data if kind == wire.WRITE else b""))
                    if connection.reply()[0]:
                        raise Finding(f"a request fails: {server.log}")
                connection.send(wire.request(wire.FLUSH))
                if connection.reply()[0]:
                    raise Finding(f"a flush fails: {server.log}")
                connection.send(wire.request(wire.DISCONNECT))
                connection.close()
            server.process.terminate()
            server.process.wait(60)
            reader.end()
            if reader.data != content or server.report()["outcome"] != "complete":
                raise Finding(f"{server.report()}\n{server.log}")
        text = log.read()
    errors = re.search(r"ERROR SUMMARY: (\d+) errors", text)
    lost = re.search(r"definitely lost: ([\d,]+) bytes", text)
    if not errors or int(errors[1]) or lost and lost[1] != "0":
        raise Finding(text)
    print(f"no error, {lost[1] if lost else 0} bytes definitely lost")


main()
