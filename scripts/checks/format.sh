# shellcheck shell=bash disable=SC2154
# format: every Swift file is formatted as .swift-format says.

check_format() {
  local paths
  paths=$(existing Sources Benchmarks Tests Package.swift)
  # shellcheck disable=SC2086 # one argument per path
  swift format lint --strict --recursive --parallel $paths
}

plants_format() {
  plant 'Planted.swift:1' Sources/Mailroom/Planted.swift 'struct  Planted { }'
  plant 'Planted.swift:1' Tests/MailroomTests/Planted.swift 'struct  Planted { }'
  plant 'Planted.swift:1' Benchmarks/mailroom-bench/Planted.swift 'struct  Planted { }'
}
