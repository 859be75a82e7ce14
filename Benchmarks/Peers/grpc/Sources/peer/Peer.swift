import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2
import PeerKit

/// grpc-swift-2: unary calls, and a stream for one-way messages, over HTTP/2 without TLS.
///
/// NIO's event loops and Swift's
/// task threads as they are by default.
@main
enum Peer {
  static func main() async throws {
    let options = try Options()
    switch options.command {
    case "serve": try await serve()
    default: try await run(options)
    }
  }

  private static func serve() async throws {
    let transport = HTTP2ServerTransport.Posix(
      address: .ipv4(host: "127.0.0.1", port: 0), transportSecurity: .plaintext,
      config: .defaults { $0.http2.maxConcurrentStreams = 4096 })
    let server = GRPCServer(transport: transport, services: [EchoService()])
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await server.serve() }
      let address = try await transport.listeningAddress
      // Blocks one thread of its own, so none that tasks need.
      Thread.detachNewThread { Serving.untilInputEnds(at: "\(address.ipv4?.port ?? 0)") }
      try await group.waitForAll()
    }
  }

  private static func run(_ options: Options) async throws {
    let transport = try HTTP2ClientTransport.Posix(
      target: .ipv4(address: "127.0.0.1", port: Int(options.address) ?? 0), transportSecurity: .plaintext)
    try await withGRPCClient(transport: transport) { client in
      let recorder = try await options.isOneWay ? OneWay.run(client, options) : Asks.run(client, options)
      recorder.print()
    }
  }
}
