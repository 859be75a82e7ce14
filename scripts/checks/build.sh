# shellcheck shell=bash disable=SC2154
# build: everything builds without a warning, and no target imports what it does not declare.

check_build() {
  ensure_tools
  swift build --build-tests "${build_flags[@]}"
}

# The self-test builds a package of its own: this one would take minutes.
tree_build() {
  mkdir -p "$1/Sources/Lower" "$1/Sources/Upper"
  cp -R scripts "$1/scripts"
  printf '%s\n' '// swift-tools-version: 6.2' 'import PackageDescription' \
    'let package = Package(name: "planted", targets: [.target(name: "Lower"), .target(name: "Upper")])' \
    >"$1/Package.swift"
  echo 'public let lower = 0' >"$1/Sources/Lower/Lower.swift"
  echo 'public let upper = 0' >"$1/Sources/Upper/Upper.swift"
}

plants_build() {
  local file=Sources/Upper/Planted.swift
  plant 'Planted.swift:1' "$file" 'func planted() { let planted = 0 }'
  plant 'without declaring it a dependency' "$file" 'import Lower'
}
