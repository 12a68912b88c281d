#!/bin/bash
# What scripts/check-systemd.sh runs in the clean system: each case a claim, in a line.
set -euo pipefail

mkdir -p /backup /etc/stream-disk /images
head -c 48M /dev/urandom >/images/disk.raw
truncate -s 64M /images/disk.raw
qemu-img convert -q -f raw -O qcow2 /images/disk.raw /images/disk.qcow2

# conf NAME FORMAT IMAGE TARGET
conf() {
  printf 'FORMAT=%s\nIMAGE=%s\nTARGET=%s\n' "$2" "$3" "$4" >"/etc/stream-disk/$1.conf"
}

fail() {
  echo "FAILED: $1" >&2
  systemctl --no-pager status 'stream-disk@*' >&2 || true
  journalctl --no-pager -u 'stream-disk@*' >&2 || true
  exit 1
}

# shown NAME PROPERTY
shown() {
  systemctl show --value --property "$2" "stream-disk@$1"
}

# until_true SECONDS COMMAND...
until_true() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $end ] || fail "never true: $*"
    sleep 0.05
  done
}

no_process() {
  local name
  for name in nbdkit qemu-img nbdcopy stream-disk stream-command; do
    ! pgrep -x "$name" >/dev/null || return 1
  done
}

# nothing_left: no process of a stream, and no file beside the images' copies.
nothing_left() {
  no_process || fail "$1: a process is left"
  ! find /backup -name '.*' -type f | grep . || fail "$1: a part is left"
}

size() {
  stat --format %s "$1" 2>/dev/null || echo 0
}

is_size() {
  [ "$(size "$1")" -ge "$2" ]
}

systemctl daemon-reload

conf raw raw /images/disk.raw '-o /backup/raw'
conf qcow2 qcow2 /images/disk.qcow2 '--zstd -o /backup/disk.zst'
conf command raw /images/disk.raw "-c 'cat >/backup/by-command; sync'"
systemctl start stream-disk@{raw,qcow2,command} || fail "start"
for name in raw qcow2 command; do
  [ "$(shown $name Result)" = success ] || fail "start: $name"
done
cmp /images/disk.raw /backup/raw
cmp /images/disk.raw /backup/by-command
zstd -qdc /backup/disk.zst | cmp - /images/disk.raw
nothing_left "start"
echo "ok: three started at once: files and what the command got are the disk"

systemctl start stream-disk@raw || fail "a second start"
cmp /images/disk.raw /backup/raw
nothing_left "a second start"
echo "ok: started again over the file of yesterday"

# Takes a part of the stream, then waits.
conf middle raw /images/disk.raw "-c 'head -c 1M >/backup/part; sleep 1000; cat >/backup/rest'"
systemctl start --no-block stream-disk@middle
until_true 20 is_size /backup/part 1048576
before=$SECONDS
systemctl stop stream-disk@middle
[ $((SECONDS - before)) -lt 10 ] || fail "stop in the middle: took $((SECONDS - before)) s"
[ "$(shown middle Result)" != success ] || fail "stop in the middle: success"
[ ! -e /backup/rest ] || fail "stop in the middle: the command met the end of its input"
nothing_left "stop in the middle"
echo "ok: stopped in the middle: $(shown middle Result), status $(shown middle ExecMainStatus)," \
  "the command saw no end"

# The same for a file: the one that was there stays. A FIFO as the image's reader cannot be had, so
# the command is stopped at a moment of its own, again and again.
conf file raw /images/disk.raw '-o /backup/raw'
stopped=0
for number in $(seq 20); do
  systemctl start --no-block stream-disk@file
  sleep "0.0$((number % 10))"
  systemctl stop stream-disk@file
  [ "$(shown file Result)" = success ] || stopped=$((stopped + 1))
  cmp /images/disk.raw /backup/raw || fail "stop at any moment: the file"
  nothing_left "stop at any moment"
  systemctl reset-failed stream-disk@file 2>/dev/null || true
done
[ "$stopped" -gt 0 ] || fail "stop at any moment: it was never stopped before the end"
echo "ok: stopped at 20 moments ($stopped before the end): the file stayed whole, no part is left"

# Has all, and takes its time to end.
conf end raw /images/disk.raw \
  "-c 'cat >/backup/all; until [ -e /run/go ]; do sleep 0.1; done; touch /backup/done'"
systemctl start --no-block stream-disk@end
until_true 20 is_size /backup/all 67108864
sleep 0.5
systemctl stop --no-block stream-disk@end
sleep 2
[ "$(shown end ActiveState)" = deactivating ] || fail "stop at the end: $(shown end ActiveState)"
touch /run/go
until_true 20 \
  bash -c '! systemctl show --value -p ActiveState stream-disk@end | grep -q deactivating'
[ -e /backup/done ] || fail "stop at the end: the command did not end by itself"
cmp /images/disk.raw /backup/all
nothing_left "stop at the end"
echo "ok: stopped at the end: what was on its way arrived, $(shown end Result)," \
  "status $(shown end ExecMainStatus)"

# Killed: nothing can be removed, but nothing is in the way of the next.
conf killed raw /images/disk.raw "-c 'head -c 1M >/backup/part2; sleep 1000'"
systemctl start --no-block stream-disk@killed
until_true 20 is_size /backup/part2 1048576
systemctl kill --signal KILL stream-disk@killed
until_true 20 bash -c 'systemctl is-failed -q stream-disk@killed'
until_true 10 no_process
conf killed raw /images/disk.raw "-c 'cat >/backup/part2'"
systemctl reset-failed stream-disk@killed
systemctl start stream-disk@killed || fail "start after a kill"
cmp /images/disk.raw /backup/part2
nothing_left "start after a kill"
echo "ok: killed, and started again"

conf missing raw /images/none.raw '-o /backup/none'
if systemctl start stream-disk@missing; then fail "an image that is not there: success"; fi
journalctl --no-pager -o cat -u stream-disk@missing | grep -q none.raw || fail "no line tells of it"
[ ! -e /backup/none ] || fail "a file of no image"
nothing_left "an image that is not there"
echo "ok: an image that is not there: the start fails, and the journal says so:" \
  "$(journalctl --no-pager -o cat -u stream-disk@missing | grep none.raw | head -1)"

# The image names a file of the host as its backing file: a service says the format,
# so it is only bytes.
cp /images/disk.raw /images/hostile.raw
qemu-img create -q -f qcow2 -b /etc/passwd -F raw /images/header.qcow2
dd if=/images/header.qcow2 of=/images/hostile.raw conv=notrunc status=none
conf hostile raw /images/hostile.raw '-o /backup/hostile'
systemctl start stream-disk@hostile || fail "a raw disk that begins like a qcow2"
cmp /images/hostile.raw /backup/hostile
echo "ok: a raw disk that begins like a qcow2 is its own bytes"
