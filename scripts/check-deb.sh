#!/bin/bash
# Stream an image with the plugin of a built Debian package: unpacked into a directory, or
# installed with what it depends on into a clean system of this release, from the mirror that apt
# uses here, where the package's own test runs. In that there is no Swift; it needs root and takes
# a few minutes.
#
# usage: scripts/check-deb.sh unpacked|installed FILE
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/clean-system.sh

name=nbdkit-streaming-plugin
if [ $# -ne 2 ]; then set -- '' ''; fi
deb=$2

fail() {
  echo "$deb: $1" >&2
  exit 1
}

# Streams an image through the plugin $1.
# shellcheck disable=SC2016 # for the shell that runs it
stream='
  cd "$(mktemp -d)"
  head -c 8M /dev/urandom >image
  truncate -s 64M image
  nbdkit -U - "$1" - size=64M report=report --run "nbdcopy --synchronous image \"\$uri\"" |
    cmp - image
  grep -q "\"outcome\": \"complete\"" report
'

# Are the manual pages there, and the texts that Debian asks for?
check_files() {
  files=$(dpkg-deb --fsys-tarfile "$deb" | tar -t)
  for file in man/man1/{$name,stream-disk}.1.gz bash-completion/completions/stream-disk \
    zsh/site-functions/_stream-disk fish/vendor_completions.d/stream-disk.fish \
    doc/nbdkit-plugin-streaming/{copyright,changelog{,.Debian}.gz}; do
    grep -qx "./usr/share/$file" <<<"$files" || fail "lacks $file"
  done
  grep -qx ./usr/bin/stream-disk <<<"$files" || fail "lacks /usr/bin/stream-disk"
}

root=$(mktemp -d)
trap 'rm -rf --one-file-system "$root"' EXIT

case $1 in
  unpacked)
    check_files
    dpkg-deb --extract "$deb" "$root"
    plugin=$(find "$root" -name $name.so)
    scripts/check-plugin.sh "$plugin" >/dev/null
    env -i TMPDIR="$root" PATH=/usr/bin:/bin sh -euc "$stream" sh "$plugin"
    ;;
  installed)
    check_files
    make_clean_system
    cp "$deb" "$root/tmp/plugin.deb"
    cp debian/tests/stream "$root/tmp/"
    # What its test needs besides the package, which is @ there.
    IFS=', ' read -ra needed < <(sed -n 's/^Depends: @, //p' debian/tests/control)
    install_inside /tmp/plugin.deb "${needed[@]}"
    inside 'nbdkit streaming --version; ! command -v swift'
    # shellcheck disable=SC2016 # for the shell that runs it
    inside 'mkdir /tmp/test; AUTOPKGTEST_TMP=/tmp/test exec /tmp/stream'
    inside '
      apt-get -qq purge nbdkit-plugin-streaming >/tmp/log 2>&1 || { cat /tmp/log; exit 1; }
      find /usr /etc /var -name "*streaming*" | grep . && exit 1 || true'
    ;;
  *) echo "usage: $0 unpacked|installed FILE" >&2; exit 2 ;;
esac
echo "$deb: $1, it streams"
