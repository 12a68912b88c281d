#!/bin/bash
# Start and stop deploy's unit under a systemd that is process 1 of namespaces of its own: as it
# comes, in the middle, at the end, and again. Needs root, systemd and util-linux; nothing of this
# system's own systemd, if it has one, is touched.
#
# usage: scripts/check-systemd.sh
set -euo pipefail

top=$(realpath "$(dirname "$0")/..")
[ "$(id -u)" -eq 0 ] || { echo "check-systemd: only root can do this" >&2; exit 1; }
systemd=$(command -v /usr/lib/systemd/systemd /lib/systemd/systemd | head -1) ||
  { echo "check-systemd: systemd is missing: apt-get install systemd" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/units" "$work/conf"
# With what is built here in the place of what is installed.
sed -e "s|/usr/bin/stream-disk|$top/build/stream-disk|" \
  -e "s|/etc/stream-disk/|$work/conf/|" -e "/^\[Service\]/a Environment=STREAM_DISK_PLUGIN=$top/build/nbdkit-streaming-plugin.so" \
  -e '/^PrivateTmp\|^Protect\|^Restrict\|^MemoryMax/d' \
  "$top/deploy/stream-disk@.service" >"$work/units/stream-disk@.service"
cat >"$work/units/check.target" <<'END'
[Unit]
Description=The check
Requires=check.service
END
cat >"$work/units/check.service" <<END
[Service]
Type=oneshot
ExecStart=/bin/bash $work/check
StandardOutput=file:$work/log
StandardError=file:$work/log
ExecStopPost=/bin/systemctl exit
END

head -c 64M /dev/urandom >"$work/disk"
conf() { printf '%s\n' "IMAGE=$work/disk" FORMAT=raw "TARGET=$2" >"$work/conf/$1.conf"; }
conf whole "-o $work/whole"
conf middle "-c 'sleep 600; cat >$work/middle'"
conf end "-c 'head -c 67108864 >$work/end.part; read go <$work/gate; mv $work/end.part $work/end'"
mkfifo "$work/gate"

cat >"$work/check" <<END
set -eu
result() { systemctl show -P Result,ExecMainStatus "stream-disk@\$1" | paste -sd ' '; }
fail() { echo "failed: \$*"; exit 1; }
systemctl start stream-disk@whole
cmp $work/disk $work/whole || fail whole
echo "start: ok"
systemctl start --no-block stream-disk@middle
until pgrep -f 'qemu-img convert' >/dev/null; do sleep 0.1; done
systemctl stop stream-disk@middle
[ ! -e $work/middle ] || fail "half a disk was taken for a whole one"
! pgrep -x 'nbdkit|qemu-img' || fail "something was left"
systemctl show -P ExecMainStatus stream-disk@middle | grep -x 143 || fail "status \$(result middle)"
echo "stop in the middle: ok"
systemctl start --no-block stream-disk@end
until [ -s $work/end.part ]; do sleep 0.1; done
while pgrep -x qemu-img >/dev/null; do sleep 0.1; done
sleep 1
systemctl stop --no-block stream-disk@end
sleep 1
echo go >$work/gate
while pgrep -x stream-disk >/dev/null; do sleep 0.1; done
cmp $work/disk $work/end || fail "stopped at the end: the command was not waited for"
echo "stop at the end: ok"
rm $work/whole
systemctl restart stream-disk@whole
cmp $work/disk $work/whole || fail restart
echo "restart: ok"
echo "all is well"
END

# A root of the same files in which the units are; nothing of it reaches the one outside.
# shellcheck disable=SC2016 # for the shell inside
unshare -m -p -f -u -i -C --propagation private bash -euc '
  work=$1 systemd=$2
  mount -t proc proc /proc
  mount -t tmpfs tmpfs /run
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
  mkdir -p /run/systemd/system
  cp "$work"/units/* /run/systemd/system/
  exec env container=check "$systemd" --system --unit=check.target \
    --show-status=no --log-target=console --log-level=warning
' sh "$work" "$systemd" >"$work/console" 2>&1 </dev/null || :
cat "$work/log"
tail -1 "$work/log" | grep -qx 'all is well' || { tail -20 "$work/console" >&2; exit 1; }
