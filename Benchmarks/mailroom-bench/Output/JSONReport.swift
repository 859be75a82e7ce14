/// The results as JSON, to be read by this program and by others.
struct JSONReport: Codable {
  /// One scenario.
  struct Result: Codable {
    let name: String
    let payload, window: Int
    let dispatch, api: String
    let senders, connections, endpoints: Int
    /// Whether there was one process, so that there are no counts of a server; left out when not.
    let local: Bool?
    let messages: UInt64
    /// Of counting, over all rounds.
    let seconds: Double
    /// Messages per second, the median of the rounds.
    let throughput: Double
    /// Over all rounds.
    let latencyMicroseconds: Latency
    let rounds: [JSONRound]
    /// The first is the one that fits best.
    let limits: [JSONLimit]
    /// Medians of the rounds.
    let perMessage: BothSides<CountsPerMessage>
    /// Whether allocations and system calls are counted; they are zero otherwise.
    let isCounted: Bool
    let residentBytes: BothSides<Int>
  }

  var schema = 2
  let machine: Machine
  let environment: [String: Int]
  let results: [Result]

  init(_ report: Report) {
    machine = report.machine
    environment = report.settings.json
    results = report.measurements.map { result in
      let scenario = result.scenario
      return Result(
        name: scenario.name, payload: scenario.payload, window: scenario.window, dispatch: scenario.dispatch.rawValue,
        api: scenario.api.rawValue, senders: scenario.senders, connections: scenario.connections,
        endpoints: scenario.endpoints,
        local: scenario.isLocal ? true : nil, messages: result.messages, seconds: result.seconds,
        throughput: result.throughput.median, latencyMicroseconds: result.latency,
        rounds: result.rounds.map { round in
          JSONRound(
            messages: round.messages, seconds: round.seconds, throughput: round.throughput, p50Microseconds: round.p50,
            perMessage: round.perMessage)
        },
        limits: result.limits.map { limit in
          JSONLimit(
            name: limit.limit, quantity: limit.limit.quantity, values: limit.values, ratio: result.ratio(to: limit))
        },
        perMessage: result.perMessage, isCounted: result.isCounted, residentBytes: result.residentBytes)
    }
  }
}

/// One round of a scenario.
struct JSONRound: Codable {
  let messages: UInt64
  let seconds, throughput, p50Microseconds: Double
  let perMessage: BothSides<CountsPerMessage>
}

/// What a limit achieved beside a scenario.
struct JSONLimit: Codable {
  let name: Limit
  let quantity: Limit.Quantity
  /// One for each round.
  let values: [Double]
  /// The scenario's to it, round by round.
  let ratio: Spread?
}
