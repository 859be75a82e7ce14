internal import ArgumentParser
internal import CLimits
internal import Foundation

/// The other side of the C limits: a listener for each, in the order of ``Limit/programs``.
struct LimitServer: AsyncParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Serves the C limits.", shouldDisplay: false)

  func run() async throws {
    var ports: [String] = []
    for limit in Limit.programs {
      var port: UInt16 = 0
      let listener = climits_listen_loopback(&port)
      guard listener >= 0 else { throw BenchError("no listener for the C limit: error \(-listener)") }
      ports.append("\(port)")
      Thread { limit.serve(listener) }.start()
    }
    announce(ports.joined(separator: ","))
    // The end of the process ends the threads.
    await untilInputEnds()
  }
}

extension Limit {
  /// Serves until the process ends.
  fileprivate func serve(_ listener: Int32) {
    switch self {
    case .blocking: _ = climits_blocking_echo_serve(listener)
    case .spinning: _ = climits_spinning_echo_serve(listener)
    case .libuv: _ = climits_uv_echo_serve(listener)
    case .stream: _ = climits_blocking_sink_serve(listener)
    case .loopback: break
    }
  }
}
