/// What one process did for one message, on average.
struct CountsPerMessage: Codable, Equatable {
  /// As in ``Counts``.
  var allocations, allocatedBytes, reads, writes, polls, otherCalls, wakeUps, contextSwitches, cpuMicroseconds: Double

  /// All system calls that are seen.
  var systemCalls: Double { reads + writes + polls + otherCalls }

  /// Each one's median over several measurements, of which there is at least one.
  static func medians(of counts: [CountsPerMessage]) -> CountsPerMessage {
    func median(_ count: KeyPath<CountsPerMessage, Double>) -> Double {
      Spread(counts.map { $0[keyPath: count] }).median
    }
    return CountsPerMessage(
      allocations: median(\.allocations), allocatedBytes: median(\.allocatedBytes), reads: median(\.reads),
      writes: median(\.writes), polls: median(\.polls), otherCalls: median(\.otherCalls), wakeUps: median(\.wakeUps),
      contextSwitches: median(\.contextSwitches), cpuMicroseconds: median(\.cpuMicroseconds))
  }
}

/// The counts of both processes.
struct BothSides<Value> {
  var client, server: Value

  func map<Other>(_ transform: (Value) -> Other) -> BothSides<Other> {
    BothSides<Other>(client: transform(client), server: transform(server))
  }
}

extension BothSides: Codable where Value: Codable {}
extension BothSides: Equatable where Value: Equatable {}
extension BothSides: Sendable where Value: Sendable {}
