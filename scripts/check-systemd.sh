#!/bin/bash
# Run the unit of deploy/ under a real systemd, process 1 of a clean system with the built Debian
# package: start, stop in the middle, stop at the end, kill, start again. In namespaces of its own;
# needs root and takes a few minutes.
#
# usage: scripts/check-systemd.sh FILE
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/clean-system.sh

if [ $# -ne 1 ]; then
  echo "usage: $0 FILE" >&2
  exit 2
fi
deb=$1

root=$(mktemp -d)
group=
systemd=
finish() {
  if [ -n "$systemd" ]; then
    { kill -KILL "$systemd" && wait "$systemd"; } 2>/dev/null || true
  fi
  # What runs in the control group goes with its process 1, soon.
  for _ in $(seq 50); do
    [ -d "$group" ] || break
    find "$group" -depth -type d -exec rmdir {} + 2>/dev/null && break
    sleep 0.1
  done
  rm -rf --one-file-system "$root"
}
trap finish EXIT

make_clean_system
cp "$deb" "$root/tmp/plugin.deb"
install_inside /tmp/plugin.deb systemd dbus procps qemu-utils zstd
cp deploy/stream-disk@.service "$root/etc/systemd/system/"
cp scripts/systemd-cases.sh "$root/root/"
# What a machine has and this has not: disks, terminals, a network to be waited for.
inside 'systemctl -q mask getty.target systemd-logind.service systemd-networkd.service \
  systemd-resolved.service systemd-udevd.service systemd-timesyncd.service'

# A control group of its own, as systemd takes all of the tree it sees.
unified=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
[ -n "$unified" ] || { echo "no control groups of version 2 are mounted here" >&2; exit 1; }
group=$(mktemp -d "$unified/check-systemd-XXXXXX")

# shellcheck disable=SC2016 # for the shell that runs it
(
  echo "$BASHPID" >"$group/cgroup.procs"
  exec unshare --mount --pid --fork --kill-child --uts --ipc --cgroup sh -euc '
    mount --make-rprivate /
    mount --bind "$1" "$1"
    cd "$1"
    mount -t proc proc proc
    mount -t sysfs -o ro sys sys
    mount -t cgroup2 cgroup sys/fs/cgroup
    mount -t tmpfs tmp tmp
    mount -t tmpfs run run
    mount -t tmpfs dev dev
    mkdir dev/pts dev/shm
    for name in null zero full random urandom tty; do
      touch "dev/$name"
      mount --bind "/dev/$name" "dev/$name"
    done
    mount -t devpts -o newinstance,ptmxmode=666 pts dev/pts
    ln -s pts/ptmx dev/ptmx
    ln -s /proc/self/fd dev/fd
    touch dev/console
    mount --bind /dev/null dev/console
    pivot_root . mnt
    umount -l /mnt
    exec env -i container=check PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd
  ' sh "$root" >"$root/root/boot" 2>&1
) &
systemd=$!

# Runs a command in the system that has started.
within() {
  nsenter --target "$first" --mount --pid --uts --ipc --cgroup --root --wd env -i \
    PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

first=
for _ in $(seq 300); do
  first=$(pgrep --parent "$systemd" || true)
  if [ -n "$first" ] &&
    within systemctl is-system-running 2>/dev/null | grep -qE 'running|degraded'; then
    break
  fi
  sleep 0.1
done
[ -n "$first" ] || { cat "$root/root/boot"; echo "systemd did not start" >&2; exit 1; }
within systemctl --version | head -1
within systemctl --no-pager --failed || true
within bash /root/systemd-cases.sh
echo "$deb: the unit holds under systemd"
