#!/bin/bash
# Stream a disk image through the plugin into zstd, decompress it again and compare.
# Without arguments an example image is made, and everything is removed at the end.
#
# usage: scripts/demo.sh [IMAGE OUT]
set -euo pipefail

plugin=$(dirname "$0")/../build/nbdkit-streaming-plugin.so
input=${1-}
out=${2-}

fail() {
  echo "demo: $1" >&2
  exit 1
}

human() { numfmt --to=iec-i --suffix=B --format=%.1f "$1" | sed 's/[A-Z]/ &/'; }

# 640 MiB: data of a real system, a hole, more data, a hole, and a last sector that is not zero.
make_example() {
  truncate -s 640M "$work/disk.raw"
  # tar is stopped by the end of what is read of it.
  (tar -C / -cf - usr 2>/dev/null || true) | {
    dd of="$work/disk.raw" bs=1M count=128 iflag=fullblock conv=notrunc status=none
    dd of="$work/disk.raw" bs=1M count=64 iflag=fullblock seek=384 conv=notrunc status=none
  }
  echo 'the last sector' |
    dd of="$work/disk.raw" bs=512 seek=$(((640 << 11) - 1)) conv=notrunc status=none
  qemu-img convert -f raw -O qcow2 "$work/disk.raw" "$1"
  rm "$work/disk.raw"
}

# Is the compressed stream $2 the disk in the image $1, byte for byte?
same() {
  nbdcopy -- [ qemu-nbd --read-only --format="$format" "$1" ] - | cmp - <(zstd -dcq "$2")
}

[ -n "$input" ] || [ -z "$out" ] || fail "OUT=$out needs IMAGE=, the disk image to stream"
[ -z "$input" ] || [ -n "$out" ] || fail "IMAGE=$input needs OUT=, the file to make"

partial=
work=$(mktemp -d)
trap 'rm -rf "$work" ${partial:+"$partial"}' EXIT

if [ -n "$input" ]; then
  [ -e "$input" ] || fail "$input: no such file"
  if [ -e "$out" ] || [ -L "$out" ]; then fail "$out is there already and is not overwritten"; fi
  # An absolute path, as qemu takes what is before a colon for a protocol.
  image=$(realpath -- "$input")
else
  image=$work/disk.qcow2
  out=$work/disk.raw.zst
  make_example "$image"
fi

# Without FORMAT= the first bytes decide, which a raw disk's guest may have written.
info=$(qemu-img info ${FORMAT:+-f "$FORMAT"} --output=json "$image") || fail "$image is not to be read as a disk image"
# qemu counts in sectors: an odd size is rounded up, here and in the stream.
size=$(jq '."virtual-size"' <<<"$info")
format=$(jq -r .format <<<"$info")
others=$(jq -r --arg image "$image" '."format-specific".data as $data |
  [."backing-filename", $data."data-file"?, ($data.extents[]?.filename | select(. != $image))] |
  map(strings) | join(", ")' <<<"$info")
[ -z "$others" ] || [ -n "${FORMAT-}" ] ||
  fail "$image names $others: say what it is with FORMAT=$format, or with FORMAT=raw"
[ "$size" -gt 0 ] || fail "$image is empty"
echo "image     $image: $format, $(human "$size")," \
  "of which $(human "$(jq '."actual-size"' <<<"$info")") on disk"

# What is half done never has the name of what is done.
(set -o noclobber && : >"$out.partial") || fail "$out.partial can't be made"
partial=$out.partial
fifo=$work/stream
report=$work/report.json
progress=
[ ! -t 1 ] || progress=-p # qemu-img prints it to standard output
export image format partial fifo progress

# The plugin makes the FIFO before the commands run. exitlast ends the server, and with it the
# stream, when the client has gone, so that the reader can be waited for.
started=$(date +%s%N)
# shellcheck disable=SC2016 # for the shell that nbdkit starts; it sets uri
nbdkit -U - --filter=exitlast "$plugin" pipe="$fifo" size="$size" report="$report" --run '
  zstd -q -T0 <"$fifo" >"$partial" & reader=$!
  qemu-img convert -n $progress -f "$format" -O raw "$image" "$uri" && wait "$reader"
' || fail "the stream failed, $out is not made"
milliseconds=$((($(date +%s%N) - started) / 1000000 + 1))

# With --run the exit status is that of the commands; the report is the plugin's word.
jq -e --argjson size "$size" '.outcome == "complete" and .bytes == $size' "$report" >/dev/null ||
  fail "the plugin says the stream is not complete: $(cat "$report")"
echo "stream    complete, says the plugin: $(human "$size") into zstd" \
  "in $((milliseconds / 1000)).$(printf %03d $((milliseconds % 1000))) s," \
  "$((size * 1000 / milliseconds / 1048576)) MiB/s"

same "$image" "$partial" || fail "decompressed, the stream is not what the image holds"
echo "compared  decompressed again, every byte is the image's"

mv -n "$partial" "$out"
[ ! -e "$partial" ] || fail "$out has come meanwhile and is not overwritten"
echo "result    $(human "$(stat -c %s "$out")") of zstd${input:+ in $out}"

[ -n "$input" ] || cat <<'END'

For an image of your own: make demo IMAGE=disk.qcow2 OUT=disk.raw.zst
After make install the whole command is no more than this, and zstd may be any reader:

  nbdkit -U - --filter=exitlast streaming disk.fifo --run '
    zstd <disk.fifo >disk.raw.zst & qemu-img convert -n -p -f qcow2 -O raw disk.qcow2 "$uri" && wait $!'
END
