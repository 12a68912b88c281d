#!/bin/sh
# Back up a real machine while it runs, in every way of docs/BACKUP.md, with what may go wrong
# meanwhile, and tell what it saw of that. It is emulated, with Debian's kernel, which is got by
# apt-get and unpacked into build/guest, and one program of its own. In about 10 minutes, one
# machine at a time.
#
# usage: scripts/check-guest.sh [--write] [WORD]
#
# With --write the table goes into docs/BACKUP.md; with WORD only the cases that have it are tried.
set -eu
cd "$(dirname "$0")/.."

for tool in qemu-system-x86_64 qemu-img cc cpio apt-get nbdkit nbdcopy zstd jq cmp unshare; do
  command -v "$tool" >/dev/null || { echo "check-guest: $tool is missing" >&2; exit 1; }
done

# In a mount namespace of its own: directories that are soon full are mounted there,
# and are gone with it.
user=
[ "$(id -u)" -eq 0 ] || user=--map-root-user
# shellcheck disable=SC2086 # nothing, or one word
exec unshare --mount $user /usr/bin/python3 -B Tests/Guest build/nbdkit-streaming-plugin.so \
  build/stream-disk build/guest "$@"
