internal import CLimits
internal import Foundation

/// Measures the C limits, against a process of their own.
final class LimitClient {
  private let process: ChildProcess
  private let ports: [Limit: UInt16]

  init() throws {
    process = try ChildProcess(["limit-server"])
    let ports = process.address.split(separator: ",").compactMap { UInt16($0) }
    guard ports.count == Limit.programs.count else { throw BenchError("the C limits have no ports") }
    self.ports = Dictionary(uniqueKeysWithValues: zip(Limit.programs, ports))
  }

  /// Ends the process.
  func stop() { process.stop() }

  /// Measures once, for about as many seconds, what a limit makes of a scenario's shape.
  func measure(_ limit: Limit, _ scenario: Scenario, seconds: Double) async throws -> Double {
    let port = ports[limit] ?? 0
    return try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread {
        leaveOutThisThread()
        continuation.resume(with: Result { try limit.measure(scenario, port: port, seconds: seconds) })
      }
    }
  }
}

extension Limit {
  /// Bytes of the pieces that messages are written in when they are small, by a program that writes what it has at a time.
  private static let smallestPiece = 65_536

  fileprivate func measure(_ scenario: Scenario, port: UInt16, seconds: Double) throws -> Double {
    let payload = UInt32(scenario.payload)
    switch self {
    case .blocking: return try median(seconds) { climits_blocking_pingpong(port, payload, $0, $1) }
    case .spinning: return try median(seconds) { climits_spinning_pingpong(port, payload, $0, $1) }
    case .libuv:
      var frames: UInt64 = 0
      var counted = 0.0
      let window = UInt32(scenario.window * scenario.senders)
      try check(climits_uv_echo(port, payload, window, UInt64(seconds * 1e9), &frames, &counted))
      guard frames > 0, counted > 0 else { throw BenchError("the C limit counted nothing: give it more --seconds") }
      return Double(frames) / counted
    case .stream:
      let piece = max(scenario.payload, Self.smallestPiece)
      // The first stream finds out how many bytes make the second one last as long as it should.
      var first = 0.0
      let trial = UInt64(max(8 << 20, piece))
      try check(climits_blocking_stream(port, UInt32(piece), trial, &first))
      let total = UInt64(min(64e9, max(Double(trial), Double(trial) / max(first, 1e-6) * seconds)))
      var taken = 0.0
      try check(climits_blocking_stream(port, UInt32(piece), total, &taken))
      return Double(total) / max(taken, 1e-9)
    case .loopback: throw BenchError("loopback is no C program")
    }
  }

  /// The median round trip, in microseconds.
  private func median(
    _ seconds: Double, _ measure: (climits_trips, UnsafeMutablePointer<UInt64>) -> Int64
  ) throws -> Double {
    let most = 20_000
    var latencies = [UInt64](repeating: 0, count: most)
    let trips = climits_trips(warmup: 500, most: UInt64(most), nanoseconds: UInt64(seconds * 1e9))
    let measured = measure(trips, &latencies)
    guard measured > 0 else { throw BenchError("the C limit failed: error \(-measured)") }
    return Spread(latencies.prefix(Int(measured)).map { Double($0) / 1000 }).median
  }

  private func check(_ result: Int32) throws {
    guard result == 0 else { throw BenchError("the C limit failed: error \(-result)") }
  }
}
