"""An NBD client that takes one step a line from standard input and prints one answer a line.

  connect                   ok | refused
  size                      the disk's size in bytes
  can WHAT                  True | False, of libnbd's can_WHAT or is_WHAT
  write OFFSET LENGTH       the test pattern of those offsets (see Pattern.swift)
  zeroes OFFSET LENGTH      the same with zero bytes written out
  fua OFFSET LENGTH         write, with FUA
  zero OFFSET LENGTH        WRITE_ZEROES
  fast-zero OFFSET LENGTH   the same, only if it is fast
  trim OFFSET LENGTH
  cache OFFSET LENGTH
  flush
  read OFFSET LENGTH        zeroes | pattern | other
  extents OFFSET LENGTH     LENGTH:FLAGS, ...
  half-write OFFSET LENGTH  a write without the second half of its data; the last step but dying
  disconnect                an orderly farewell

A step that fails answers with the name of the error (EIO). Standard input is a file that grows:
its end is not the end of the steps.
"""

import os
import socket
import struct
import sys
import time

import nbd

PAGE = 4096
BODY = bytes(1 + i * 167 % 251 for i in range(PAGE))


def pattern(offset, length):
    """Never zero, and each 4 KiB page carries its number: a shift or a swap shows."""
    first = offset // PAGE
    last = (offset + length + PAGE - 1) // PAGE
    data = bytearray(BODY * (last - first))
    for page in range(first, last):
        struct.pack_into("<Q", data, (page - first) * PAGE, page | 0x0101010101010101 << 7)
    start = offset - first * PAGE
    return data[start:start + length]


def steps():
    line = ""
    while True:
        part = sys.stdin.readline()
        line += part
        if line.endswith("\n"):
            yield line.split()
            line = ""
        elif not part:
            time.sleep(0.005)


def answer(client, uri, what, *numbers):
    if what == "connect":
        try:
            client.connect_uri(uri)
        except nbd.Error:
            return "refused"
    elif what == "size":
        return client.get_size()
    elif what == "can":
        name = numbers[0]
        return (getattr(client, "can_" + name, None) or getattr(client, "is_" + name))()
    elif what == "write":
        client.pwrite(pattern(*numbers), numbers[0])
    elif what == "zeroes":
        client.pwrite(bytes(numbers[1]), numbers[0])
    elif what == "fua":
        client.pwrite(pattern(*numbers), numbers[0], nbd.CMD_FLAG_FUA)
    elif what == "zero":
        client.zero(numbers[1], numbers[0])
    elif what == "fast-zero":
        client.zero(numbers[1], numbers[0], nbd.CMD_FLAG_FAST_ZERO)
    elif what == "cache":
        client.cache(numbers[1], numbers[0])
    elif what == "trim":
        client.trim(numbers[1], numbers[0])
    elif what == "flush":
        client.flush()
    elif what == "read":
        data = client.pread(numbers[1], numbers[0])
        if data == bytes(len(data)):
            return "zeroes"
        return "pattern" if data == pattern(*numbers) else "other"
    elif what == "extents":
        found = []
        client.block_status(
            numbers[1], numbers[0], lambda context, offset, entries, error: found.extend(entries))
        return ", ".join(f"{a}:{b}" for a, b in zip(found[::2], found[1::2]))
    elif what == "half-write":
        # Past libnbd, which would go on sending: the server must not get the whole by being quick.
        with socket.socket(fileno=os.dup(client.aio_get_fd())) as connection:
            connection.setblocking(True)
            connection.sendall(struct.pack(">LHHQQL", 0x25609513, 0, 1, 0, *numbers))
            connection.sendall(pattern(numbers[0], numbers[1] // 2))
    elif what == "disconnect":
        client.shutdown()
    else:
        sys.exit(f"no such step: {what}")
    return "ok"


def main():
    client = nbd.NBD()
    client.set_strict_mode(0)  # what libnbd would refuse is for the server to refuse
    client.add_meta_context(nbd.CONTEXT_BASE_ALLOCATION)
    for what, *words in steps():
        numbers = [int(word) if word.isdigit() else word for word in words]
        try:
            print(answer(client, sys.argv[1], what, *numbers), flush=True)
        except nbd.Error as error:
            print(error.errno or "closed", flush=True)


main()
