#!/bin/sh
# Check that a built plugin stands alone: one name shown, nothing of Swift needed at run time, and
# no function of nbdkit that the oldest one supported, 1.26, lacks.
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
    # What compresses and hashes.
    libzstd.so.* | libdeflate.so.* | libz.so.* | libnettle.so.*) ;;
    *) fail "needs $library at run time" ;;
  esac
done

# What nbdkit 1.26 offers to plugins: its server/nbdkit.syms as of 1.22, and what the release notes
# of 1.24 and 1.26 add.
known="
  nbdkit_absolute_path nbdkit_add_export nbdkit_add_extent nbdkit_debug nbdkit_error
  nbdkit_export_name nbdkit_is_tls nbdkit_nanosleep nbdkit_parse_bool nbdkit_parse_int
  nbdkit_parse_int8_t nbdkit_parse_int16_t nbdkit_parse_int32_t nbdkit_parse_int64_t
  nbdkit_parse_size nbdkit_parse_uint8_t nbdkit_parse_uint16_t nbdkit_parse_uint32_t
  nbdkit_parse_uint64_t nbdkit_parse_unsigned nbdkit_peer_name nbdkit_read_password
  nbdkit_realpath nbdkit_set_error nbdkit_shutdown nbdkit_stdio_safe nbdkit_vdebug nbdkit_verror
  nbdkit_peer_pid nbdkit_peer_uid nbdkit_peer_gid nbdkit_use_default_export
  nbdkit_strdup_intern nbdkit_strndup_intern nbdkit_printf_intern nbdkit_vprintf_intern
"
# A weak one may be missing.
for name in $(nm --dynamic --undefined-only "$file" | sed -n 's/^ *U \(nbdkit_.*\)/\1/p'); do
  case $known in *" $name "* | *" $name
"*) ;; *) fail "needs $name, which nbdkit 1.26 lacks" ;; esac
done

case $dynamic in
  *RPATH* | *RUNPATH*) fail "has a run path: it looks for libraries where nobody expects" ;;
esac
case $dynamic in *NODELETE*) ;; *) fail "may be unloaded under the running Swift runtime" ;; esac
case $dynamic in
  *BIND_NOW*) ;;
  *) fail "may be changed where the linker fills in addresses (-z now)" ;;
esac
case $sections in *.symtab* | *.debug_*) fail "is not stripped" ;; esac

[ "$failed" -eq 0 ] || exit 1
echo "$file: $(wc -c <"$file") bytes, exports plugin_init alone, needs" \
  "$(printf '%s\n' "$needed" | paste -sd ' ')"
