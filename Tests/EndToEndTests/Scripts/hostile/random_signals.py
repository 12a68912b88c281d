"""Ends nbdkit by a signal at a random moment of a small stream, and judges each time.

usage: random_signals.py [--runs N] [--jobs N]
"""

import random
import signal
import threading
import time

import signals
import wire
from disk import Disk, pattern
from judgement import IMPATIENCE, judge
from server import Reader, Server
from wire import Closed, Connection

SIZE = 1 << 20


def write(server, disk, chance, failures):
    """Writes the disk from its start to its end, or as far as the server lets it."""
    try:
        connection = Connection(server.socket)
        try:
            connection.negotiate()
            offset = number = 0
            while offset < SIZE:
                number += 1
                data = pattern(number, offset, min(chance.randrange(1, 64 << 10), SIZE - offset))
                zero = chance.random() < 0.2
                if zero:
                    data = bytes(len(data))
                command = wire.ZERO if zero else wire.WRITE
                try:
                    connection.send(
                        wire.request(command, offset, len(data)) + (b"" if zero else data))
                    error = connection.reply()[0]
                except Closed:
                    error = -1
                if error:
                    disk.doubt(offset, data)
                    return
                disk.accept(offset, data)
                offset += len(data)
            connection.send(wire.request(wire.DISCONNECT))
        finally:
            connection.close()
    except (Closed, OSError):
        pass  # The server has gone, which is what this is about.
    except Exception as error:
        failures.append(error)


def run(seed, usual):
    """Returns how the stream ended."""
    chance = random.Random(seed)
    parameters = [f"size={SIZE}", f"reorder={chance.choice([0, 65536])}",
                  f"rewind={chance.choice([0, 0, 65536])}"]
    with Server(parameters, make_fifo=chance.random() < 0.5) as server:
        reader = Reader(
            server.fifo, after=chance.choice([0, 0, 0, 0.01]), pause=chance.choice([0, 0, 0.05]))
        disk, failures, excuses = Disk(), [], {"a signal"}
        client = threading.Thread(target=write, args=[server, disk, chance, failures])
        client.start()
        time.sleep(random.random() ** 2 * 3 * usual)
        server.process.send_signal(random.choice([signal.SIGTERM, signal.SIGINT]))
        if random.random() < 0.2:
            excuses.add(IMPATIENCE)
            time.sleep(random.random() / 20)
            server.process.terminate()
        server.wait()
        client.join()
        reader.end()
        server.check_leavings()
        if failures:
            raise failures[0]
        report = server.report()
        judge(report, reader, disk, SIZE, excuses)
        return report["outcome"]


def time_to_write():
    with Server([f"size={SIZE}"]) as server:
        Reader(server.fifo)
        failures = []
        start = time.monotonic()
        write(server, Disk(), random.Random(0), failures)
        if failures:
            raise failures[0]
        return time.monotonic() - start


if __name__ == "__main__":
    signals.play(run, measure=time_to_write, wanted=["complete", "failed"])
