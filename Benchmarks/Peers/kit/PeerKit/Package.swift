// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "PeerKit",
  products: [.library(name: "PeerKit", targets: ["PeerKit"])],
  targets: [.target(name: "PeerKit")]
)
