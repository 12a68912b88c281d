"""Writes an image to an NBD server in random order, each block once.

usage: shuffle.py IMAGE URI SEED [again]

With `again` a fifth of the blocks is written twice, something else at first.
"""

import os
import random
import sys
from collections import Counter

import nbd

BLOCK = 64 << 10


def main():
    image = os.open(sys.argv[1], os.O_RDONLY)
    uri, seed, again = sys.argv[2], int(sys.argv[3]), sys.argv[4:] == ["again"]
    chance = random.Random(seed)
    blocks = list(range(os.fstat(image).st_size // BLOCK))
    order = blocks + chance.sample(blocks, len(blocks) // 5 if again else 0)
    chance.shuffle(order)
    left = Counter(order)
    client = nbd.NBD()
    client.connect_uri(uri)
    for block in order:
        left[block] -= 1
        data = os.pread(image, BLOCK, block * BLOCK)
        client.pwrite(data[::-1] if left[block] else data, block * BLOCK)
    client.flush()
    client.shutdown()


main()
