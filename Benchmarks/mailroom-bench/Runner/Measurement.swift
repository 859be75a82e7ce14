internal import Histogram

/// What one round of a scenario achieved.
struct Round {
  let messages: UInt64
  let seconds: Double
  /// Nanoseconds.
  let latencies: Histogram<UInt64>
  let perMessage: BothSides<CountsPerMessage>

  var throughput: Double { seconds > 0 ? Double(messages) / seconds : 0 }
  /// Microseconds.
  var p50: Double { Double(latencies.valueAtPercentile(50)) / 1000 }
}

/// What one scenario achieved: at least one round.
struct Measurement {
  let scenario: Scenario
  var rounds: [Round] = []
  /// What the limits achieved in turns with the rounds; the first is the one that fits best.
  var limits: [LimitResult]
  /// The resident sets after the last round.
  var residentBytes = BothSides(client: 0, server: 0)
  /// Whether both processes count allocations and system calls.
  var isCounted = true

  var messages: UInt64 { rounds.reduce(0) { $0 + $1.messages } }
  var seconds: Double { rounds.reduce(0) { $0 + $1.seconds } }
  var throughput: Spread { Spread(rounds.map(\.throughput)) }
  var megabytesPerSecond: Double { throughput.median * Double(scenario.payload) / 1e6 }

  /// Over all rounds.
  var latency: Latency {
    var all = Histogram.ofNanoseconds()
    for round in rounds { all.add(round.latencies) }
    return Latency(all)
  }

  /// Medians over the rounds.
  var perMessage: BothSides<CountsPerMessage> {
    BothSides(
      client: .medians(of: rounds.map(\.perMessage.client)), server: .medians(of: rounds.map(\.perMessage.server)))
  }

  /// The ratio to a limit, round by round.
  func ratio(to limit: LimitResult) -> Spread? {
    let values = rounds.map { round in
      switch limit.limit.quantity {
      case .p50Microseconds: round.p50
      case .messagesPerSecond: round.throughput
      case .bytesPerSecond: round.throughput * Double(scenario.payload)
      }
    }
    return Spread.ratios(values, to: limit.values)
  }
}
