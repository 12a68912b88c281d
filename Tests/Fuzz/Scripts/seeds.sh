#!/bin/bash
# usage: seeds.sh DIRECTORY
#
# Streams to begin with, for FuzzDecoder: two bytes that say how it is read, then the stream.
set -euo pipefail
cd "$1"

text() { seq 40; }
zeroes() { head -c "$1" /dev/zero; }
# $1: z for zstd or g for gzip, an even and an odd byte; $2: the name. The stream is standard input.
seed() { { printf '%s ' "$1"; cat; } >"$2"; }

text | zstd -q | seed z zstd
text | zstd -q --no-check | seed z zstd-no-check
text | zstd -q -19 --long=27 | seed z zstd-long
{ zeroes 300000; text; } | zstd -q | seed z zstd-zeroes
{ zeroes 3 | zstd -q; printf '\x50\x2a\x4d\x18\x02\x00\x00\x00xx'; text | zstd -q; } |
  seed z zstd-frames
text | gzip | seed g gzip
{ text | gzip -n; zeroes 300000 | gzip -n; } | seed g gzip-members
