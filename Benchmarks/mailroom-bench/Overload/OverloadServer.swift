internal import ArgumentParser
internal import Foundation
internal import Mailroom

/// The receiving side of ``Overload``: a slow endpoint, one that lets it hurry, and fast ones beside them.
struct OverloadServer: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "overload-server", abstract: "Serves 'overload'.", shouldDisplay: false)

  @Option(help: "Messages that the slow endpoint takes per second.")
  var rate = 1000.0

  func run() async throws {
    var configuration = RPCConfiguration()
    configuration.portRetries = 0
    let env = try await RPCEnv.start(name: "overload-server", host: "127.0.0.1", port: 0, configuration: configuration)
    let pace = SlowPace(rate: rate)
    try env.register(SlowEndpoint.name, SlowEndpoint(pace), on: .dedicated())
    try env.register(SlowControl.name, SlowControl(pace))
    for dispatch in Dispatch.allCases {
      try env.register(dispatch.endpointName, BenchEndpoint(), on: dispatch.dispatch)
    }
    announce(env.address?.hostPort ?? "")
    await untilInputEnds()
    pace.hurry()
    await env.shutdown()
  }
}
