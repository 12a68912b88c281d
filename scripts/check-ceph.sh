#!/bin/sh
# Let a Ceph cluster of one monitor and one OSD in memory, on the loopback interface and in a
# directory of its own, import what format=rbd-image and format=rbd-diff write; compare, and cut
# streams. As root, with ceph-mon, ceph-osd, ceph-common, qemu-img and nbdkit, in about 30 seconds.
# All is gone afterwards.
#
# usage: scripts/check-ceph.sh [PLUGIN]
set -eu

plugin=$(realpath "${1:-build/nbdkit-streaming-plugin.so}")

for tool in ceph-mon ceph-osd ceph rbd monmaptool ceph-authtool nbdkit qemu-img; do
  command -v "$tool" >/dev/null || { echo "check-ceph: $tool is missing" >&2; exit 1; }
done
[ "$(id -u)" -eq 0 ] || { echo "check-ceph: needs root" >&2; exit 1; }

place=$(mktemp -d)
mon=
osd=
clean() {
  # By their numbers, no others.
  for process in $osd $mon; do kill "$process" 2>/dev/null || :; done
  wait
  rm -rf "$place"
}
trap clean EXIT
trap 'exit 1' HUP INT TERM
cd "$place"

fsid=$(cat /proc/sys/kernel/random/uuid)
port=$((20000 + $$ % 20000))
mkdir mon osd run
cat >ceph.conf <<END
[global]
fsid = $fsid
mon host = [v2:127.0.0.1:$port/0]
mon initial members = a
auth cluster required = none
auth service required = none
auth client required = none
public addr = 127.0.0.1
osd pool default size = 1
osd pool default min size = 1
mon allow pool size one = true
osd crush chooseleaf type = 0
osd objectstore = memstore
memstore device bytes = 2147483648
run dir = $place/run
admin socket = $place/run/\$name.asok
pid file = $place/run/\$name.pid
log file = $place/\$name.log
mon data = $place/mon
osd data = $place/osd
keyring = $place/keyring
mon data avail warn = 1
mon data avail crit = 1
END
export CEPH_CONF="$place/ceph.conf"

ceph-authtool --create-keyring keyring --gen-key -n mon. --cap mon 'allow *' >/dev/null
ceph-authtool keyring --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *' >/dev/null
monmaptool --create --addv a "[v2:127.0.0.1:$port]" --fsid "$fsid" map >/dev/null
ceph-mon --mkfs -i a --monmap map --keyring keyring
ceph-mon -f -i a >mon.out 2>&1 &
mon=$!
cluster() { timeout 90 ceph --connect-timeout 60 "$@" 2>>ceph.err; }
cluster osd new "$(cat /proc/sys/kernel/random/uuid)" >/dev/null ||
  { cat mon.out ceph.err; exit 1; }
ceph-osd -i 0 --mkfs --osd-uuid "$(cluster osd dump -f json | jq -r '.osds[0].uuid')" >osd.out 2>&1
ceph-osd -f -i 0 >>osd.out 2>&1 &
osd=$!
cluster osd pool create pool 8 8 >/dev/null
timeout 60 rbd pool init pool
echo "ceph: $(ceph --version | cut -d' ' -f3)"

# A disk with data at its start, in its middle and at its end, and one that is full of other data.
size=$(((100 << 20) + 3584))
truncate -s "$size" image
dd if=/dev/urandom of=image bs=64k count=30 conv=notrunc status=none
dd if=/dev/urandom of=image bs=64k seek=800 count=20 conv=notrunc status=none
dd if=/dev/urandom of=image bs=512 seek=$((size / 512 - 1)) count=1 conv=notrunc status=none
dd if=/dev/urandom of=other bs=1M count=110 status=none

# shellcheck disable=SC2016 # the shell of --run has the uri
stream() { # FORMAT COMMAND
  nbdkit -U - "$plugin" "format=$1" "size=$size" "write-command=$2" report=report.json \
    --run 'qemu-img convert -n -W -f raw -O raw image "$uri"'
  jq -e '.outcome == "complete"' report.json >/dev/null
}
same() { # IMAGE
  rbd --no-progress export "pool/$1" - | cmp - image
}

stream rbd-image 'rbd --no-progress import --export-format 2 - pool/new'
same new
echo "rbd import --export-format 2: the disk, byte for byte"

rbd --no-progress import other pool/old
stream rbd-diff 'rbd --no-progress import-diff - pool/old'
same old
echo "rbd import-diff onto other data: the disk, byte for byte"

for format in rbd-image rbd-diff; do
  stream "$format" "cat >$format"
  whole=$(stat -c %s "$format")
  for cut in 1 2 600 $((whole / 2)); do
    head -c $((whole - cut)) "$format" >part
    if [ "$format" = rbd-image ]; then
      set -- import --export-format 2 part pool/cut
    else
      set -- import-diff part pool/old
    fi
    status=0
    rbd --no-progress "$@" >/dev/null 2>&1 || status=$?
    [ "$status" -ne 0 ] || { echo "check-ceph: took $format without its last $cut" >&2; exit 1; }
    if rbd info pool/cut >/dev/null 2>&1; then
      echo "check-ceph: half an image is left" >&2
      exit 1
    fi
    echo "$format without its last $cut bytes: refused, exit $status"
  done
done
# So it was the cut, and not the cluster.
rbd --no-progress import --export-format 2 rbd-image pool/cut
rbd --no-progress import-diff rbd-diff pool/old
echo "both as they are: taken"
