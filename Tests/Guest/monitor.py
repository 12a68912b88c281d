"""QEMU's monitor (QMP) over a UNIX socket."""

import json
import queue
import socket
import threading
import time

ANSWER_SECONDS = 60


class Refused(Exception):
    """What QEMU answers to a command that it does not carry out."""


class Monitor:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(str(path))
        self.answers = queue.Queue()
        # Each with the time it came.
        self.events = []
        threading.Thread(target=self.listen, daemon=True).start()
        self.execute("qmp_capabilities")

    def listen(self):
        for line in self.socket.makefile("r", encoding="utf-8"):
            message = json.loads(line)
            if "event" in message:
                self.events.append((time.monotonic(), message["event"], message.get("data", {})))
            elif "QMP" not in message:
                self.answers.put(message)

    def execute(self, command, **arguments):
        return self.send({"execute": command, "arguments": arguments})

    def send(self, message):
        self.socket.sendall((json.dumps(message) + "\n").encode())
        answer = self.answers.get(timeout=ANSWER_SECONDS)
        if "error" in answer:
            raise Refused(f"{message['execute']}: {answer['error']['desc']}")
        return answer["return"]

    def job(self, name):
        return next((job for job in self.execute("query-jobs") if job["id"] == name), None)

    def export(self, name):
        return next(
            (one for one in self.execute("query-block-exports") if one["id"] == name), None)
