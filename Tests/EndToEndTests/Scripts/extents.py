"""Asks for the extents of any ranges in any order, and reads, and holds both against the image.

usage: extents.py URI IMAGE SEED rewind=SIZE

A hole must be zeroes in the image. What went by and is not kept is refused, as told by rewind=: all
is kept, or nothing.
"""

import random
import sys

import nbd

uri, path, seed, rewind = sys.argv[1:]
chance = random.Random(int(seed))
with open(path, "rb") as file:
    image = file.read()
size = len(image)
keeps = rewind != "rewind=0"
client = nbd.NBD()
client.add_meta_context(nbd.CONTEXT_BASE_ALLOCATION)
client.connect_uri(uri)
position = 0
holes = 0


def fail(*words):
    sys.exit(" ".join(str(word) for word in words))


def extents(start, count, flags):
    """Pairs of length and flags."""
    found = []
    client.block_status(
        count, start, lambda context, offset, entries, error: found.extend(entries), flags)
    return list(zip(found[::2], found[1::2]))


def check(start, count, flags):
    global holes
    offset = start
    found = extents(start, count, flags)
    if not found:
        fail("no extents for", start, count)
    for length, kind in found:
        if length == 0:
            fail("an empty extent for", start, count)
        # The last one may go on behind the range.
        end = min(offset + length, size)
        if kind == 3:
            if any(image[offset:end]):
                fail("data in a hole from", offset, "to", end)
            holes += end - offset
        elif kind != 0:
            fail("an extent of kind", kind)
        offset = end


for step in range(150):
    near = chance.random() < 0.7
    start = min(
        size - 1, position + chance.randrange(0, 2 << 20) if near else chance.randrange(size))
    if chance.random() < 0.3:
        start -= start % 65536
    count = min(chance.choice([1, 512, 4096, 65536, 1 << 20, 8 << 20, size]), size - start)
    if chance.random() < 0.7:
        check(start, count, nbd.CMD_FLAG_REQ_ONE if chance.random() < 0.5 else 0)
        continue
    count = min(count, 2 << 20)
    if start > position + (4 << 20):
        continue
    try:
        data = client.pread(count, start)
    except nbd.Error as error:
        if keeps or start >= position:
            fail("the read of", count, "at", start, "is refused at", position, error.string)
        continue
    if data != image[start:start + count]:
        fail("wrong bytes from", start, "to", start + count)
    if start < position and not keeps:
        fail("a read of", start, "at", position, "is not refused")
    position = max(position, start + count)
# To the end, so that all was looked at.
check(position, max(1, size - position) if position < size else 1, 0) if position < size else None
if holes == 0:
    fail("no hole was told")
if position > 0 and not keeps:
    try:
        client.pread(1, 0)
        fail("a read of what went by is not refused")
    except nbd.Error:
        pass
client.shutdown()
