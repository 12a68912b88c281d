#!/bin/bash
# Make a stream of a disk image, verify it, restore it and compare, by stream-disk.
# Without arguments an example image is made, and everything is removed at the end.
#
# usage: scripts/demo.sh [IMAGE OUT [FORMAT]]
set -euo pipefail

build=$(realpath "$(dirname "$0")/../build")
export PATH=$build:$PATH STREAM_DISK_PLUGIN=$build/nbdkit-streaming-plugin.so
input=${1-}
out=${2-}
format=${3-}

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

[ -n "$input" ] || [ -z "$out" ] || fail "OUT=$out needs IMAGE=, the disk image to stream"
[ -z "$input" ] || [ -n "$out" ] || fail "IMAGE=$input needs OUT=, the file to make"

[ -z "$format" ] || [ -n "$input" ] || fail "FORMAT=$format needs IMAGE="

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

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

info=$(qemu-img info ${format:+-f "$format"} --output=json "$image") ||
  fail "$image is not to be read as a disk image"
# qemu counts in sectors: an odd size is rounded up, here and in the stream.
size=$(jq '."virtual-size"' <<<"$info")
found=$(jq -r .format <<<"$info")
[ "$size" -gt 0 ] || fail "$image is empty"
echo "image     $image: $found, $(human "$size")," \
  "of which $(human "$(jq '."actual-size"' <<<"$info")") on disk"

# What the name says decides how OUT is compressed, and how it is read again.
case $out in
  *.zst | *.zstd) compressed=(--zstd) from=() ;;
  *.gz) compressed=(--gzip) from=(--size "$size") ;;
  *) compressed=() from=(--raw) ;;
esac
as=(${format:+-f "$format"})

show() {
  echo "\$ $*"
  "$@" || fail "that has failed"
}

show stream-disk write "${compressed[@]}" "${as[@]}" "$image" -o "$out"
show stream-disk verify "${from[@]}" "${as[@]}" "$out" "$image"
show stream-disk restore "${from[@]}" "$out" "$work/back.qcow2"
show qemu-img compare -f "$found" -F qcow2 "$image" "$work/back.qcow2"
echo "result    $(human "$(stat -c %s "$out")")${input:+ in $out}"

[ -n "$input" ] || cat <<'END'

For an image of your own: make demo IMAGE=disk.qcow2 OUT=disk.raw.zst
After make install, what is shown above is all that is to be typed.
END
