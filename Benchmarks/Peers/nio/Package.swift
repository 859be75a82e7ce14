// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "nio-peer",
  dependencies: [
    .package(path: "../kit/PeerKit"),
    .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
  ],
  targets: [
    .executableTarget(
      name: "peer",
      dependencies: [
        "PeerKit", .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
      ])
  ]
)
