#!/bin/bash
# Pack the last commit and the Swift packages that building needs, which are in vendor/ then, into a
# source tarball that builds without a network. What Package.swift asks for with from: is what is
# taken. The documentation plugin is left out: only `make docs` needs it.
#
# usage: scripts/dist.sh FILE.tar.gz
set -euo pipefail
umask 022

[ $# -eq 1 ] || { echo "usage: $0 FILE.tar.gz" >&2; exit 2; }
root=$(cd "$(dirname "$0")/.." && pwd)
name=$(basename "$1" .tar.gz)

fail() {
  echo "dist: $1" >&2
  exit 1
}

# A clone of its own: inside another repository git would pack that.
[ -e "$root/.git" ] || fail "only a clone can be packed, not a source tarball"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
top=$work/$name
mkdir "$top" "$work/git"
git -C "$root" archive HEAD | tar -x -C "$top"

# In its only place in the manifest, on one line or more: name, URL and version of each package.
packages() {
  perl -0ne 'while (m{url: "([^"]*/([^"/]+))",\s*from: "([^"]+)"}g) { print "$2 $1 $3\n" }' \
    "$top/Package.swift"
}

# Makes the manifest $1 look for the packages in the directory $2.
vendored() {
  perl -0pi -e 's{^\s*\.package\(url: "[^"]*/swift-docc-plugin".*\n}{}mg;
    s{url: "[^"]*/([^"/]+)",\s*from: "[^"]+"}{path: "'"$2"'/$1"}g' "$1"
}

while read -r package url version; do
  [ "$package" != swift-docc-plugin ] || continue
  git init -q --bare "$work/git/$package"
  git -C "$work/git/$package" fetch -q --depth 1 "$url" "refs/tags/$version" ||
    fail "no $package $version at $url"
  mkdir -p "$top/vendor/$package"
  git -C "$work/git/$package" archive FETCH_HEAD | tar -x -C "$top/vendor/$package"
  compgen -G "$top/vendor/$package/LICENSE*" >/dev/null || fail "$package has no licence"
  echo "$package $version" >>"$top/vendor/VERSIONS"

  # Both packages say what is linked into what they install.
  grep -qx "Provides: *bundled($package) = $version" "$top"/packaging/*.spec ||
    fail "packaging/*.spec does not name $package $version"
  grep -q " $package $version\b" "$top/debian/copyright" ||
    fail "debian/copyright does not name $package $version"
done < <(packages)
[ -s "$top/vendor/VERSIONS" ] || fail "no Swift package was found"

vendored "$top/Package.swift" vendor
for manifest in "$top"/{Examples,Tests}/*/Package.swift; do vendored "$manifest" ../../vendor; done
for manifest in "$top"/vendor/*/Package*.swift; do vendored "$manifest" ..; done

# The same file for the same commit.
tar --create --directory "$work" --sort=name --owner=0 --group=0 --numeric-owner \
  --mode=go=u-w --mtime="@$(git -C "$root" log -1 --format=%ct)" "$name" | gzip -n >"$1.part"
mv "$1.part" "$1"
