#!/bin/bash
# Build a source tarball twice, where there is no network nor anything that Swift has kept, in
# directories of different names and depths, and compare what came of it. It needs root and takes
# twice as long as a first build.
#
# usage: scripts/check-dist.sh FILE.tar.gz
set -euo pipefail

[ $# -eq 1 ] || { echo "usage: $0 FILE.tar.gz" >&2; exit 2; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Builds the plugin, the command and the packages in the directory $1, and writes their sums to $2.
build() {
  mkdir -p "$1" "$1.home"
  tar -x -C "$1" --strip-components=1 -f "$tarball"
  (cd "$1" && env HOME="$1.home" XDG_CACHE_HOME="$1.home" unshare --net make deb) >"$2.log" 2>&1 ||
    { tail -n 40 "$2.log"; echo "$tarball: does not build without a network" >&2; exit 1; }
  (cd "$1/build" && sha256sum ./*.so stream-disk unstripped/* ./*.deb) >"$2"
}

tarball=$1
build "$work/one" "$work/sums-1"
build "$work/another/place" "$work/sums-2"
cat "$work/sums-1"
diff "$work/sums-1" "$work/sums-2" || { echo "$tarball: two builds differ" >&2; exit 1; }
echo "$tarball: two builds without a network gave the same files"
