#!/bin/sh
# Install what is missing to build and run the demo, or every test as well, or the benchmarks too,
# to build packages, to have a Ceph cluster, or a machine to back up.
# Silent when nothing is missing. Without the right to install, or with `say`, say what to type.
#
# usage: scripts/deps.sh demo|check|bench|pack|ceph|guest [say]
set -eu

# set | probe | package for apt | for dnf, where a path is a name too and - is nothing to do
list='
demo  | command:nbdkit                           | nbdkit             | nbdkit
demo  | library:nbdkit                           | nbdkit-plugin-dev  | nbdkit-devel
demo  | library:libzstd                          | libzstd-dev        | libzstd-devel
demo  | library:libdeflate                       | libdeflate-dev     | libdeflate-devel
demo  | library:nettle                           | nettle-dev         | nettle-devel
demo  | library:zlib                             | zlib1g-dev         | zlib-devel
demo  | file:/etc/ssl/certs/ca-certificates.crt  | ca-certificates    | -
demo  | command:pkg-config                       | pkg-config         | /usr/bin/pkg-config
demo  | command:git                              | git                | git
demo  | command:cmp                              | diffutils          | diffutils
demo  | command:jq                               | jq                 | jq
demo  | command:nbdcopy                          | libnbd-bin         | /usr/bin/nbdcopy
demo  | command:qemu-img                         | qemu-utils         | /usr/bin/qemu-img
demo  | command:qemu-nbd                         | qemu-utils         | /usr/bin/qemu-nbd
demo  | command:strip                            | binutils           | binutils
demo  | command:zstd                             | zstd               | zstd
demo  | command:pod2man                          | perl               | /usr/bin/pod2man
check | file:/usr/share/bash-completion/completions/nbdkit | nbdkit    | nbdkit-bash-completion
check | command:7z                               | p7zip-full         | p7zip-plugins
check | command:aws                              | awscli             | awscli2
check | command:bsdcat                           | libarchive-tools   | bsdtar
check | command:bsdtar                           | libarchive-tools   | bsdtar
check | command:fusermount3                      | fuse3              | fuse3
check | command:nbdfuse                          | libnbd-bin         | /usr/bin/nbdfuse
check | command:nm                               | binutils           | binutils
check | command:go                               | golang-go          | golang
check | go:github.com/klauspost/compress/zstd    | golang-github-klauspost-compress-dev | -
check | command:pigz                             | pigz               | pigz
check | command:bgzip                            | tabix              | /usr/bin/bgzip
check | command:openssl                          | openssl            | openssl
check | command:podchecker                       | perl               | /usr/bin/podchecker
check | command:prlimit                          | util-linux         | util-linux
check | command:pgrep                            | procps             | procps-ng
check | command:ps                               | procps             | procps-ng
check | command:rbd                              | ceph-common        | ceph-common
check | command:pv                               | pv                 | pv
check | command:qemu-storage-daemon              | qemu-system-common | /usr/bin/qemu-storage-daemon
check | command:setpriv                          | util-linux         | util-linux
check | command:shellcheck                       | shellcheck         | /usr/bin/shellcheck
check | command:socat                            | socat              | socat
check | command:ssh                              | openssh-client     | /usr/bin/ssh
check | file:/usr/sbin/sshd                      | openssh-server     | openssh-server
check | command:strace                           | strace             | strace
check | command:unshare                          | util-linux         | util-linux
check | command:valgrind                         | valgrind           | valgrind
check | python:ensurepip                         | python3-venv       | python3
check | python:jsonschema                        | python3-jsonschema | python3-jsonschema
check | python:nbd                               | python3-libnbd     | python3-libnbd
check | python:pyvhdi                            | python3-libvhdi    | -
check | python:pyvmdk                            | python3-libvmdk    | -
check | python:zstandard                         | python3-zstandard  | python3-zstandard
bench | command:hyperfine                        | hyperfine          | hyperfine
bench | command:fio                              | fio                | fio
bench | fio:nbd                                  | fio                | fio-engine-nbd
ceph  | command:ceph-mon                         | ceph-mon           | ceph-mon
ceph  | command:ceph-osd                         | ceph-osd           | ceph-osd
ceph  | command:rbd                              | ceph-common        | ceph-common
guest | command:qemu-system-x86_64               | qemu-system-x86    | qemu-system-x86-core
guest | command:cc                               | gcc                | gcc
guest | command:cpio                             | cpio               | cpio
guest | command:unshare                          | util-linux         | util-linux
pack  | command:debootstrap                      | debootstrap        | -
pack  | command:dh                               | debhelper          | -
pack  | command:lintian                          | lintian            | -
pack  | command:nm                               | binutils           | binutils
pack  | command:rpmbuild                         | rpm                | rpm-build
pack  | command:rpmlint                          | rpmlint            | rpmlint
pack  | command:unshare                          | util-linux         | util-linux
'

present() {
  case $1 in
    command:*) command -v "${1#*:}" ;;
    file:*) test -e "${1#*:}" ;;
    fio:*) fio --enghelp="${1#*:}" ;;
    go:*) test -e "/usr/share/gocode/src/${1#*:}" ;;
    library:*) pkg-config --exists "${1#*:}" ;;
    # The system's own Python: packages are installed for no other.
    python:*) /usr/bin/python3 -c "import ${1#*:}" ;;
  esac >/dev/null 2>&1
}

case ${1-} in
  demo) sets=demo ;;
  check) sets='demo check' ;;
  bench) sets='demo check bench' ;;
  pack) sets='demo pack' ;;
  ceph) sets='demo ceph' ;;
  guest) sets='demo guest' ;;
  *) echo "usage: $0 demo|check|bench|pack|ceph|guest [say]" >&2; exit 2 ;;
esac

manager=
for candidate in apt-get dnf; do
  if command -v "$candidate" >/dev/null; then manager=$candidate; break; fi
done

missing=
while IFS=' |' read -r set probe apt dnf; do
  case " $sets " in *" $set "*) ;; *) continue ;; esac
  present "$probe" && continue
  case $manager in apt-get) package=$apt ;; dnf) package=$dnf ;; *) package=${probe#*:} ;; esac
  case " $missing - " in *" $package "*) ;; *) missing="$missing $package" ;; esac
done <<END
$list
END

if [ -n "$missing" ]; then
  if [ -z "$manager" ]; then
    echo "deps: neither apt-get nor dnf is here; please install:$missing" >&2
    exit 1
  fi

  if [ -z "${2-}" ] && [ "$(id -u)" -eq 0 ]; then
    as_root() { "$@"; }
  elif [ -z "${2-}" ] && sudo -n true 2>/dev/null; then
    as_root() { sudo "$@"; }
  else
    echo "deps: packages are missing; please run, as root:" >&2
    [ "$manager" = dnf ] || echo "  apt-get update" >&2
    echo "  $manager install$missing" >&2
    exit 1
  fi

  echo "deps: installing$missing"
  if [ "$manager" = apt-get ]; then
    as_root apt-get update -qq
    # shellcheck disable=SC2086 # one word a package
    as_root env DEBIAN_FRONTEND=noninteractive \
      apt-get install -qq --no-install-recommends $missing >/dev/null
  else
    # shellcheck disable=SC2086
    as_root dnf install -qy --setopt=install_weak_deps=False $missing
  fi
fi

# What no distribution has: an object store to try uploads on, a decoder, and readers of disk
# formats. By pip, into a place of its own.
venv=$(dirname "$0")/../build/venv
case " $sets " in
  *' check '*)
    says=${2-}
    pip() {
      [ -z "$says" ] || { echo "deps: $1 is missing: run 'make deps'" >&2; exit 1; }
      echo "deps: installing $1 into build/venv"
      [ -x "$venv/bin/pip" ] || /usr/bin/python3 -m venv "$venv"
      "$venv/bin/pip" -q --disable-pip-version-check install "$1"
    }
    command -v moto_server >/dev/null || [ -x "$venv/bin/moto_server" ] || pip 'moto[server]'
    "$venv/bin/python" -c 'import pyzstd' 2>/dev/null || pip pyzstd
    "$venv/bin/python" -c 'import dissect.hypervisor' 2>/dev/null || pip dissect.hypervisor
    # The second is what the first needs to look at a VMDK, and does not ask for.
    "$venv/bin/python" -c 'import oslo_utils' 2>/dev/null || pip oslo.utils
    "$venv/bin/python" -c 'import cryptography' 2>/dev/null || pip cryptography ;;
esac

if ! command -v swift >/dev/null; then
  echo "deps: swift, 6.3 or newer, is missing or not in PATH:" \
    "see https://www.swift.org/install/linux/" >&2
  exit 1
fi
