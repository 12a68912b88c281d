"""Writes a file to the disk of an nbdkit that speaks on its standard streams,
or reads it from there.

usage: single.py write|read FILE nbdkit -s ...
"""

import sys

import nbd

PIECE = 1 << 20


def main():
    direction, path, *command = sys.argv[1:]
    client = nbd.NBD()
    client.connect_command(command)
    with open(path, "rb" if direction == "write" else "wb") as file:
        if direction == "write":
            while piece := file.read(PIECE):
                client.pwrite(piece, file.tell() - len(piece))
        else:
            size = client.get_size()
            for offset in range(0, size, PIECE):
                file.write(client.pread(min(PIECE, size - offset), offset))
    client.shutdown()


main()
