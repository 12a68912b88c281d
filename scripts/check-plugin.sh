#!/bin/sh
# Check that a built plugin stands alone: one name shown, nothing of Swift needed at run time.
#
# usage: scripts/check-plugin.sh FILE
set -eu

[ $# -eq 1 ] || { echo "usage: $0 FILE" >&2; exit 2; }
file=$1
failed=0

fail() {
  echo "$file: $1" >&2
  failed=1
}

dynamic=$(readelf --wide --dynamic "$file")
sections=$(readelf --wide --sections "$file")
exported=$(nm --dynamic --defined-only --format=just-symbols "$file")
needed=$(printf '%s\n' "$dynamic" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')

[ "$exported" = plugin_init ] ||
  fail "exports not plugin_init alone but $(printf '%s\n' "$exported" | wc -l) names"

# The C library and the C++ one that the Swift runtime is written in; every system has both.
for library in $needed; do
  case $library in
    libc.so.* | libm.so.* | libpthread.so.* | libdl.so.* | librt.so.* | ld-linux*.so.*) ;;
    libstdc++.so.* | libgcc_s.so.*) ;;
    *) fail "needs $library at run time" ;;
  esac
done

case $dynamic in *RPATH* | *RUNPATH*) fail "has a run path: it looks for libraries where nobody expects" ;; esac
case $dynamic in *NODELETE*) ;; *) fail "may be unloaded under the running Swift runtime" ;; esac
case $dynamic in *BIND_NOW*) ;; *) fail "may be changed where the linker fills in addresses (-z now)" ;; esac
case $sections in *.symtab* | *.debug_*) fail "is not stripped" ;; esac

[ "$failed" -eq 0 ] || exit 1
echo "$file: $(wc -c <"$file") bytes, exports plugin_init alone, needs" \
  "$(printf '%s\n' "$needed" | paste -sd ' ')"
