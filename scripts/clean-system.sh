# shellcheck shell=bash
# A clean system of this release in the directory $root, without Swift and without what is installed
# here. To be sourced; needs root.

# Makes it, from the mirror that apt uses here, with the packages named in it too.
make_clean_system() {
  local release mirror log
  : "${root:?}"
  [ "$(id -u)" -eq 0 ] || { echo "only root can make a clean system" >&2; return 1; }
  release=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
  # shellcheck disable=SC2016 # for apt
  read -r mirror < <(apt-get indextargets --format '$(SITE)' \
    'Created-By: Packages' "Codename: $release" 'Component: main')
  echo "making a clean $release"
  log=$(debootstrap --variant=minbase "$release" "$root" "$mirror" 2>&1) ||
    { tail <<<"$log" >&2; echo "debootstrap failed" >&2; return 1; }
  cp /etc/resolv.conf "$root/etc/"
}

# Runs a script in it, which has nothing of this one but a network.
inside() {
  unshare --mount --pid --fork --mount-proc="$root/proc" chroot "$root" \
    /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive \
    sh -euc "$1" sh "${@:2}"
}

# Installs packages in it, names or files of its own.
install_inside() {
  inside \
    'apt-get -qq install --no-install-recommends "$@" >/tmp/log 2>&1 || { cat /tmp/log; exit 1; }' \
    "$@"
}
