"""Decode a compressed disk with a decoder that people use, to standard output.

usage: decode.py gzip|zstandard|pyzstd|pyzstd-seek FILE

pyzstd-seek reads by the seek table alone: the last third first.
"""

import gzip
import shutil
import sys

name, path = sys.argv[1:]
output = sys.stdout.buffer
if name == "gzip":
    with gzip.open(path) as stream:
        shutil.copyfileobj(stream, output)
elif name == "zstandard":
    import zstandard

    with open(path, "rb") as file:
        decoder = zstandard.ZstdDecompressor()
        with decoder.stream_reader(file, read_across_frames=True) as stream:
            shutil.copyfileobj(stream, output)
elif name == "pyzstd":
    import pyzstd

    with pyzstd.open(path) as stream:
        shutil.copyfileobj(stream, output)
elif name == "pyzstd-seek":
    import pyzstd

    with pyzstd.SeekableZstdFile(path) as stream:
        size = stream.seek(0, 2)
        stream.seek(size - size // 3)
        end = stream.read()
        stream.seek(0)
        output.write(stream.read(size - size // 3))
        output.write(end)
else:
    sys.exit(__doc__)
