/// What changed from one program to another, of one quantity of one scenario.
struct Comparison: Equatable {
  /// What is compared.
  enum Quantity: String, CaseIterable {
    case throughput = "messages/s"
    case p50 = "p50 us"
    case cpu = "CPU us"
    case allocations = "allocations"
    case systemCalls = "system calls"

    /// Whether more of it is better.
    var isGood: Bool { self == .throughput }

    /// Its value in a round; the counters are both processes' together.
    func value(_ round: JSONRound) -> Double {
      let (client, server) = (round.perMessage.client, round.perMessage.server)
      return switch self {
      case .throughput: round.throughput
      case .p50: round.p50Microseconds
      case .cpu: client.cpuMicroseconds + server.cpuMicroseconds
      case .allocations: client.allocations + server.allocations
      case .systemCalls: client.systemCalls + server.systemCalls
      }
    }
  }

  enum Verdict: String {
    case better, worse
    /// No difference beyond the spread.
    case same = "-"
  }

  /// A difference below this is none, however well it repeats.
  static let least = 0.02
  /// For counters, a difference below this per message is none.
  static let leastCount = 0.02

  let quantity: Quantity
  let before, after: Spread
  /// After to before, round by round; nil when there is nothing to divide by.
  let ratio: Spread?
  let verdict: Verdict

  /// Of values that were measured in turns: a difference counts when all rounds agree about its direction, and when it is
  /// larger than the rounds are apart.
  init(_ quantity: Quantity, before: [Double], after: [Double]) {
    self.quantity = quantity
    self.before = Spread(before)
    self.after = Spread(after)
    ratio = Spread.ratios(after, to: before)
    let differences = Spread(zip(after, before).map { $0.0 - $0.1 })
    let isSmall =
      switch quantity {
      case .allocations, .systemCalls: abs(differences.median) < Self.leastCount
      default: false
      }
    let relative = self.before.median == 0 ? 1 : abs(differences.median) / self.before.median
    let isWithinSpread =
      (differences.low <= 0 && differences.high >= 0)
      || abs(differences.median) < (differences.high - differences.low) / 2
    if isSmall || relative < Self.least || isWithinSpread {
      verdict = .same
    } else {
      verdict = (differences.median > 0) == quantity.isGood ? .better : .worse
    }
  }

  static let columns = ["scenario", "quantity", "before", "+-%", "after", "+-%", "ratio", "verdict"]

  /// For a table.
  func cells(scenario: String) -> [String] {
    func number(_ value: Double) -> String {
      quantity == .throughput ? Format.count(value) : Format.perMessage(value)
    }
    func percent(_ spread: Spread) -> String { Format.whole(100 * spread.relative) }
    return [
      scenario, quantity.rawValue, number(before.median), percent(before), number(after.median), percent(after),
      ratio.map(Format.ratio) ?? "", verdict.rawValue,
    ]
  }
}
