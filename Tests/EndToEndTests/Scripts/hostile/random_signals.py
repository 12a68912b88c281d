"""Ends nbdkit by a signal at a random moment of a small stream, and judges each time.

usage: random_signals.py [--runs N] [--jobs N]
"""

import argparse
import multiprocessing
import random
import signal
import sys
import threading
import time
import traceback
from collections import Counter

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


def run(seed):
    """Returns how the stream ended, or what was found."""
    chance = random.Random(seed)
    server = None
    try:
        server = Server(
            [f"size={SIZE}", f"reorder={chance.choice([0, 65536])}",
             f"rewind={chance.choice([0, 0, 65536])}"], make_fifo=chance.random() < 0.5)
        reader = Reader(
            server.fifo, after=chance.choice([0, 0, 0, 0.01]), pause=chance.choice([0, 0, 0.05]))
        disk, failures, excuses = Disk(), [], {"a signal"}
        client = threading.Thread(target=write, args=[server, disk, chance, failures])
        moment = random.random() ** 2 / 15
        client.start()
        time.sleep(moment)
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
        return report["outcome"], None
    except Exception:
        return None, f"SEED {seed}: {traceback.format_exc()}\n{server and server.log}"
    finally:
        if server:
            server.remove()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=4)
    options = parser.parse_args()
    outcomes = Counter()
    with multiprocessing.Pool(options.jobs) as pool:
        first = random.randrange(10**9)
        for outcome, finding in pool.imap_unordered(run, range(first, first + options.runs)):
            outcomes[outcome] += 1
            if finding:
                print(finding, flush=True)
    print(f"{options.runs} signals: {dict(outcomes)}")
    # Both ends of the story have to be there, or the moments are not random.
    sys.exit(outcomes[None] > 0 or not outcomes["complete"] or not outcomes["failed"])


main()
