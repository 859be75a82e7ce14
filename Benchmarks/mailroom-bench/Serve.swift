internal import ArgumentParser
internal import CLimits
internal import Foundation
internal import Mailroom

/// The server: one endpoint for each kind of dispatch.
struct Serve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Serves runs of this program, on this or another machine.")

  @Option(help: "The address to listen on.")
  var host = "127.0.0.1"
  @Option(help: "The port to listen on; 0 for one that the system chooses.")
  var port = 0
  @Option(help: ArgumentHelp("How long threads without work look for some.", valueName: "microseconds"))
  var busyPoll = 0
  @Flag(help: ArgumentHelp("End when standard input ends.", visibility: .hidden))
  var untilInputEnds = false

  func run() async throws {
    var configuration = RPCConfiguration()
    configuration.portRetries = 0
    configuration.busyPoll = .microseconds(busyPoll)
    let env = try await RPCEnv.start(name: "bench-server", host: host, port: port, configuration: configuration)
    for dispatch in Dispatch.allCases {
      try env.register(dispatch.endpointName, BenchEndpoint(), on: dispatch.dispatch)
    }
    announce(env.address?.hostPort ?? host)
    if untilInputEnds {
      await mailroom_bench.untilInputEnds()
      await env.shutdown()
    } else {
      await env.awaitTermination()
    }
  }
}

/// The other side of the C limit.
struct LimitServer: AsyncParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Serves the C limit.", shouldDisplay: false)

  func run() async throws {
    var port: UInt16 = 0
    let listener = climits_listen_loopback(&port)
    guard listener >= 0 else { throw BenchError("no listener for the C limit: error \(-listener)") }
    announce("\(port)")
    let serving = Thread { _ = climits_blocking_echo_serve(listener) }
    serving.start()
    await untilInputEnds()
    shutdown(listener, Int32(SHUT_RDWR))
  }
}

/// Says where a server listens, on a line of its own that a parent process reads: written at once, not buffered.
func announce(_ address: String) {
  FileHandle.standardOutput.write(Data("listening on \(address)\n".utf8))
}
