internal import ArgumentParser
internal import Foundation
internal import Mailroom

/// The server: one endpoint for each kind of dispatch, or several.
struct Serve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Serves runs of this program, on this or another machine.")

  @Option(help: "The address to listen on.")
  var host = "127.0.0.1"
  @Option(help: "The port to listen on; 0 for one that the system chooses.")
  var port = 0
  @Option(help: "The address that others are told. (default: the one to listen on)")
  var advertise: String?
  @Option(help: "Endpoints of each kind of dispatch, for runs with as many.")
  var endpoints = 1
  @Option(help: "The only kind of dispatch to have endpoints for. (default: all)")
  var dispatch: Dispatch?
  @OptionGroup var environment: EnvironmentOptions
  @Flag(help: ArgumentHelp("End when standard input ends.", visibility: .hidden))
  var untilInputEnds = false

  func validate() throws {
    if !(1...1 << 20).contains(endpoints) { throw ValidationError("--endpoints is 1 to 1048576.") }
    if endpoints > 64 && (dispatch ?? .dedicated) == .dedicated {
      throw ValidationError(
        "More than 64 endpoints need --dispatch shared or event-loop: the others have a thread each.")
    }
  }

  func run() async throws {
    FileDescriptors.allowMany()
    var configuration = environment.settings.configuration
    configuration.portRetries = 0
    let env = try await RPCEnv.start(
      name: "bench-server", host: host, port: port, advertisedHost: advertise, configuration: configuration)
    try BenchEndpoints(count: endpoints, dispatches: dispatch.map { [$0] } ?? Dispatch.allCases).register(in: env)
    announce(env.address?.hostPort ?? host)
    if untilInputEnds {
      await mailroom_bench.untilInputEnds()
      await env.shutdown()
    } else {
      await env.awaitTermination()
    }
  }
}

/// Says where a server listens, on a line of its own that a parent process reads: written at once, not buffered.
func announce(_ address: String) {
  FileHandle.standardOutput.write(Data("listening on \(address)\n".utf8))
}
