"""Compares standard input with an image, of which holes are not read. Prints where they differ."""

import os
import sys

SIZE = 1 << 20
ZEROES = bytes(SIZE)


def end_of_extent(image, offset, size):
    """Whether there is data at `offset`, and up to where that holds."""
    try:
        data = os.lseek(image, offset, os.SEEK_DATA)
    except OSError:
        return False, size
    return (True, os.lseek(image, offset, os.SEEK_HOLE)) if data == offset else (False, data)


def main():
    image = os.open(sys.argv[1], os.O_RDONLY)
    size = os.fstat(image).st_size
    offset, end, is_data = 0, 0, False
    while piece := os.read(0, SIZE):
        while piece:
            if offset == end and offset < size:
                is_data, end = end_of_extent(image, offset, size)
            part = piece[:end - offset]
            expected = os.pread(image, len(part), offset) if is_data else ZEROES[:len(part)]
            if not part or part != expected:
                print(f"differs within {len(piece)} bytes from {offset}")
                while os.read(0, SIZE):
                    pass
                return
            offset += len(part)
            piece = piece[len(part):]
    if offset < size:
        print(f"ends at {offset} of {size}")


main()
