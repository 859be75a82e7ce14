// swift-tools-version: 6.2
import PackageDescription

/// Settings every Swift target gets, so that a new target cannot forget one.
let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableExperimentalFeature("Lifetimes"),
]

let package = Package(
  name: "swift-mailroom",
  products: [
    .library(name: "Mailroom", targets: ["Mailroom"]),
    .library(name: "MailroomTransport", targets: ["MailroomTransport"]),
    .executable(name: "mailroom-bench", targets: ["mailroom-bench"]),
  ],
  dependencies: [
    // Where programs want to be told of trouble; the libraries need this, libuv and the Swift toolchain, nothing else.
    .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
    // The runner's only.
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
  ],
  targets: [
    // libuv as the system provides it.
    .systemLibrary(
      name: "CLibUV", path: "CLibUV", pkgConfig: "libuv", providers: [.apt(["libuv1-dev"]), .brew(["libuv"])]),

    // What a thread needs of the machine that Swift does not import.
    .target(name: "CMailroomThread"),

    // The lock-free queue, named threads, parking: no I/O.
    .target(name: "MailroomQueue", dependencies: ["CMailroomThread"]),

    // Event loops, TCP, frames, clients and servers: bytes only.
    .target(name: "MailroomTransport", dependencies: ["CLibUV", "MailroomQueue"]),

    // Environments, endpoints, dispatching, outboxes, codecs. No unsafe code: the compiler checks it.
    .target(
      name: "Mailroom",
      dependencies: ["MailroomQueue", "MailroomTransport", .product(name: "Logging", package: "swift-log")],
      swiftSettings: [.strictMemorySafety()]),

    // The C programs whose speed is the limit that results are compared with.
    .target(name: "CLimits", dependencies: ["CLibUV"], path: "Benchmarks/CLimits"),

    // Counts allocations and system calls, by standing in front of glibc; in the runner only.
    .target(name: "CCounters", path: "Benchmarks/CCounters"),

    // The benchmark runner.
    .executableTarget(
      name: "mailroom-bench",
      dependencies: [
        "CCounters", "CLimits", "Mailroom",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Histogram", package: "hdrhistogram-swift"),
      ],
      path: "Benchmarks/mailroom-bench"),

    // What tests wait with.
    .target(name: "TestSupport", path: "Tests/TestSupport"),
    .testTarget(name: "MailroomQueueTests", dependencies: ["MailroomQueue", "TestSupport"]),
    .testTarget(
      name: "MailroomTransportTests", dependencies: ["MailroomQueue", "MailroomTransport", "TestSupport"]),
    .testTarget(
      name: "MailroomTests",
      dependencies: [
        "Mailroom", "MailroomQueue", "MailroomTransport", "TestSupport",
        .product(name: "Logging", package: "swift-log"),
      ]),
    .testTarget(name: "MailroomBenchTests", dependencies: ["mailroom-bench", "Mailroom", "TestSupport"]),
  ]
)

for target in package.targets where target.type != .system && !target.name.hasPrefix("C") {
  target.swiftSettings = (target.swiftSettings ?? []) + settings
}
