/// The counters of one scenario that are not to grow, per message; a file of Benchmarks/Thresholds.
///
/// Never seconds or processor time: those belong to a machine and a moment.
struct Threshold: Codable, Equatable {
  /// One process.
  struct Side: Codable, Equatable {
    let allocations, allocatedBytes, systemCalls, wakeUps: Double
  }

  let client, server: Side

  init(client: Side, server: Side) {
    self.client = client
    self.server = server
  }

  /// The least of each counter over some rounds, of which there is at least one.
  init(leastOf rounds: [BothSides<CountsPerMessage>]) {
    func side(_ counts: [CountsPerMessage]) -> Side {
      func least(_ count: KeyPath<CountsPerMessage, Double>) -> Double { Spread(counts.map { $0[keyPath: count] }).low }
      return Side(
        allocations: least(\.allocations), allocatedBytes: least(\.allocatedBytes), systemCalls: least(\.systemCalls),
        wakeUps: least(\.wakeUps))
    }
    client = side(rounds.map(\.client))
    server = side(rounds.map(\.server))
  }

  /// As it is written to a file: without digits that are noise.
  var rounded: Threshold {
    func side(_ side: Side) -> Side {
      func round(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }
      return Side(
        allocations: round(side.allocations), allocatedBytes: round(side.allocatedBytes),
        systemCalls: round(side.systemCalls), wakeUps: round(side.wakeUps))
    }
    return Threshold(client: side(client), server: side(server))
  }
}
