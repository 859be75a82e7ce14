# shellcheck shell=bash
# What the scripts share: the root of the repository, the build flags, and the things a build needs.
# Source it; it changes to the root.

set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

# Debug builds and test runs use exactly these, so that none of them rebuilds what another one built.
# shellcheck disable=SC2034 # used by the scripts that source this file
build_flags=(-Xswiftc -warnings-as-errors --explicit-target-dependency-import-check error)

minimum_libuv=1.43
minimum_swift=6.2

# Prints a message for people and ends the script.
die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# Swift is there and recent enough, or the script ends.
ensure_swift() {
  command -v swift >/dev/null || die "swift is not on PATH; install Swift $minimum_swift or later from swift.org/install"
  local version
  version=$(swift --version 2>/dev/null) || die "'swift --version' fails; is the toolchain complete?"
  [[ $version =~ Swift\ version\ ([0-9]+)\.([0-9]+) ]] || die "cannot read a version from 'swift --version': $version"
  local major=${BASH_REMATCH[1]} minor=${BASH_REMATCH[2]}
  if ((major < ${minimum_swift%.*} || (major == ${minimum_swift%.*} && minor < ${minimum_swift#*.}))); then
    die "Swift $minimum_swift or later is needed; this one is $major.$minor ($(command -v swift))"
  fi
}

# libuv's headers and pkg-config are there, installed with apt-get when missing, or the script ends.
ensure_libuv() {
  if ! pkg-config --exists libuv 2>/dev/null; then
    install_libuv
    pkg-config --exists libuv || die "libuv is installed, but pkg-config does not find it; look at PKG_CONFIG_PATH"
  fi
  pkg-config --atleast-version="$minimum_libuv" libuv ||
    die "libuv $minimum_libuv or later is needed; pkg-config finds $(pkg-config --modversion libuv)"
}

# Installs libuv's headers and pkg-config. Writes to stderr only: the output of a script is its own.
install_libuv() {
  local packages=(libuv1-dev pkg-config) as_root=()
  command -v apt-get >/dev/null || die "libuv is missing and there is no apt-get; install libuv >= $minimum_libuv and pkg-config"
  if ((EUID != 0)); then
    command -v sudo >/dev/null || die "libuv is missing; as root, run: apt-get install ${packages[*]}"
    as_root=(sudo)
  fi
  printf 'libuv is missing: installing %s\n' "${packages[*]}" >&2
  # env, because sudo drops the environment.
  as_root+=(env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=120)
  # A fresh image has no package lists. When this fails, the lists that are there may still do.
  "${as_root[@]}" update >&2 || printf "'apt-get update' failed; trying with the package lists as they are\n" >&2
  "${as_root[@]}" install -y --no-install-recommends "${packages[@]}" >&2 ||
    die "'apt-get install ${packages[*]}' failed, see above; are the package servers reachable?"
}

# Everything a build needs.
ensure_tools() {
  ensure_swift
  ensure_libuv
}
