import Foundation

/// What all runs measured, as it is kept between runs.
struct Results: Codable {
  var machine: Machine
  var rounds: Int
  var seconds: Double
  var scenarios: [Scenario]
  /// By the names of the contestants.
  var versions: [String: Version]
  /// By the name of the contestant, then of the scenario: one for each round, nil for a run that failed.
  var samples: [String: [String: [Sample?]]] = [:]

  mutating func add(_ sample: Sample?, of contestant: Contestant, in scenario: Scenario) {
    samples[contestant.name, default: [:]][scenario.name, default: []].append(sample)
  }

  /// The contestants that took part, as this program knows them.
  var contestants: [Contestant] {
    (Contestant.mailroom + Contestant.peers).filter { versions[$0.name] != nil }
  }

  /// For people: 5 rounds.
  var roundsText: String { rounds == 1 ? "1 round" : "\(rounds) rounds" }

  /// The contestant with its version: ZeroMQ 4.3.4.
  func title(_ contestant: Contestant) -> String {
    contestant.isMailroom ? contestant.title : "\(contestant.title) \(versions[contestant.name]?.number ?? "")"
  }

  private func samples(_ contestant: Contestant, _ scenario: Scenario) -> [Sample?] {
    samples[contestant.name]?[scenario.name] ?? []
  }

  /// The figures of all rounds that did not fail; nil when there are none.
  func spread(_ contestant: Contestant, _ scenario: Scenario) -> Spread? {
    Spread(samples(contestant, scenario).compactMap { $0.map(scenario.figure) })
  }

  /// The percentiles of latency of all rounds.
  func latencies(_ contestant: Contestant, _ scenario: Scenario) -> (p50: Spread, p99: Spread)? {
    let all = samples(contestant, scenario).compactMap(\.self)
    guard let p50 = Spread(all.map(\.p50)), let p99 = Spread(all.map(\.p99)) else { return nil }
    return (p50, p99)
  }

  /// How many times as good `one` is as `other`, compared round by round.
  func ratio(_ one: Contestant, to other: Contestant, _ scenario: Scenario) -> Spread? {
    let pairs = zip(samples(one, scenario), samples(other, scenario))
    return Spread(
      pairs.compactMap { one, other in
        guard let one, let other else { return nil }
        return scenario.ratio(scenario.figure(one), to: scenario.figure(other))
      })
  }

  static func read(_ path: String) throws -> Results {
    try JSONDecoder().decode(Self.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
  }

  func write(_ path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    try encoder.encode(self).write(to: URL(fileURLWithPath: path))
  }
}

/// The middle and the ends of some figures.
struct Spread: Equatable {
  let median, least, most: Double

  /// Nil for no figures.
  init?(_ figures: [Double]) {
    let sorted = figures.sorted()
    guard let least = sorted.first, let most = sorted.last else { return nil }
    self.least = least
    self.most = most
    let half = sorted.count / 2
    median = sorted.count % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2
  }
}
