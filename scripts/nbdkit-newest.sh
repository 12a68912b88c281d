#!/bin/sh
# Unpack Debian's newest nbdkit with its own C library into build/nbdkit-newest, and print the
# directory of a command nbdkit that runs it. Nothing is installed.
#
# usage: scripts/nbdkit-newest.sh
#
# Exits with 3, and a sentence, where the packages can't be had.
set -eu

cd "$(dirname "$0")/.."
place=$PWD/build/nbdkit-newest
suite=${SUITE:-unstable}

lacks() {
  echo "nbdkit-newest: $1: nothing is tested with the newest nbdkit" >&2
  exit 3
}

if [ ! -x "$place/bin/nbdkit" ]; then
  for tool in apt-get dpkg-deb; do
    command -v "$tool" >/dev/null || lacks "$tool is missing"
  done
  key=/usr/share/keyrings/debian-archive-keyring.gpg
  [ -e "$key" ] || lacks "$key is missing"
  # The same archive as the system's, by another list: apt's own settings stay as they are.
  # shellcheck disable=SC2016 # a word of apt's
  archive=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
    grep -m 1 '/debian/*$') || lacks 'apt knows no Debian archive'
  rm -rf "$place" && mkdir -p "$place/lists/partial" "$place/cache/archives/partial" "$place/root"
  : >"$place/status"
  echo "deb [signed-by=$key] $archive $suite main" >"$place/sources.list"
  cat >"$place/apt.conf" <<END
Dir::State "$place";
Dir::State::lists "$place/lists";
Dir::State::status "$place/status";
Dir::Cache "$place/cache";
Dir::Etc::sourcelist "$place/sources.list";
Dir::Etc::sourceparts "-";
APT::Sandbox::User "";
END
  export APT_CONFIG="$place/apt.conf"
  apt-get update -qq >&2 || lacks "the list of $suite can't be had"
  # With all that it needs, as if nothing were installed.
  apt-get install -qq --yes --download-only --no-install-recommends nbdkit >&2 ||
    lacks "the packages of $suite can't be had"
  for package in "$place"/cache/archives/*.deb; do dpkg-deb --extract "$package" "$place/root"; done
  rm -rf "$place/cache" "$place/lists"
  libraries=$(dirname "$(find "$place/root" -name libc.so.6 | head -n 1)")
  program=$(find "$place/root/usr" -path '*bin/nbdkit' | head -n 1)
  [ -n "$program" ] || lacks "$suite has no nbdkit for this machine"
  loader=$(find "$libraries" -name 'ld-linux*.so*' | head -n 1)
  filters=$(find "$place/root/usr" -path '*/nbdkit/filters' | head -n 1)
  mkdir -p "$place/bin"
  # By its own loader, as it needs a newer C library than this system's; filters are found by their
  # paths, as it looks in this system's directory.
  cat >"$place/bin/nbdkit.new" <<END
#!/bin/bash
arguments=()
for word; do
  case \$word in
    --filter=*/*) ;;
    --filter=*) word=--filter=$filters/nbdkit-\${word#--filter=}-filter.so ;;
  esac
  arguments+=("\$word")
done
exec '$loader' --argv0 nbdkit --library-path '$libraries' '$program' "\${arguments[@]}"
END
  chmod +x "$place/bin/nbdkit.new"
  "$place/bin/nbdkit.new" --version >/dev/null || lacks 'it does not run here'
  mv "$place/bin/nbdkit.new" "$place/bin/nbdkit"
fi
echo "$place/bin"
