# shellcheck shell=bash
# What the build scripts of the peers share. Source it; it sets `here`, the folder of the sourcing script, and `out`, where
# that script builds a program named `peer`.

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[1]}")" && pwd)
peers=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck disable=SC2034 # used by the scripts that source this file
out=$(cd "$peers/../.." && pwd)/.build-peers/${here##*/}
mkdir -p "$out"

# Installs Debian packages unless they are there.
install_packages() {
  local package missing=() as_root=()
  for package in "$@"; do
    # shellcheck disable=SC2016 # the variable is dpkg's
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
  done
  ((${#missing[@]} > 0)) || return 0
  ((EUID == 0)) || as_root=(sudo)
  # env, because sudo drops the environment.
  as_root+=(env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=120)
  printf 'installing %s\n' "${missing[*]}"
  "${as_root[@]}" update || printf "'apt-get update' failed; trying with the package lists as they are\n"
  "${as_root[@]}" install -y --no-install-recommends "${missing[@]}"
}

# Whether what was built is not there, or older than what it was built from.
is_stale() {
  [[ ! -e $out/version || -n $(find "$here" "$peers/kit" -type f -newer "$out/version" -print -quit) ]]
}

# Notes for the tables which version is measured, and what built or runs it. Comes last: it says that the build is complete.
write_version() {
  printf '%s\n' "$1" "$2" >"$out/version"
}

# The version of an installed Debian package, without Debian's own part.
package_version() {
  # shellcheck disable=SC2016 # the variable is dpkg's
  dpkg-query -W -f '${source:Upstream-Version}' "$1"
}

# Builds a C++ peer with the given further arguments of the compiler.
build_cxx() {
  install_packages g++
  g++ -O2 -std=c++17 -Wall -Wextra "$here/peer.cpp" -o "$out/peer" "$@" -lpthread
}

cxx_version() {
  printf 'g++ %s -O2' "$(g++ -dumpfullversion)"
}

swift_version() {
  swift --version 2>/dev/null | sed -n 's/.*Swift version \([^ ]*\).*/Swift \1 -c release/p'
}

# Builds a Swift peer, and notes the version of the given dependency.
build_swift() {
  local version
  swift build -c release --package-path "$here" --scratch-path "$out/build"
  ln -sf build/release/peer "$out/peer"
  version=$(sed -n '/"identity" : "'"$1"'"/,/"version"/s/.*"version" : "\(.*\)".*/\1/p' "$here/Package.resolved")
  write_version "$version" "$(swift_version)"
}

# Writes a program that runs the given command with its own arguments behind it.
write_program() {
  local path=$1
  shift
  { printf '#!/bin/sh\nexec'; printf " '%s'" "$@"; printf ' "$@"\n'; } >"$path"
  chmod +x "$path"
}
