// swift-tools-version: 6.2
import PackageDescription

// What measures Mailroom and its peers in turns. Without dependencies.
let package = Package(
  name: "compare",
  targets: [
    .executableTarget(name: "compare"),
    .testTarget(name: "CompareTests", dependencies: ["compare"]),
  ]
)
