internal import Foundation

/// The results as tables.
struct Report {
  let machine: Machine
  let settings: EnvironmentSettings
  let measurements: [Measurement]

  func print() {
    Swift.print(machine)
    Table(
      columns: [
        "scenario", "payload", "window", "dispatch", "api", "senders", "messages/s", "+-%", "MB/s",
      ] + Latency.columns + ["limit", "ratio to it"],
      rows: measurements.map(row), words: [0, 3, 4, 14]
    ).print()
    if measurements.contains(where: { !$0.limits.isEmpty }) {
      Swift.print("\nLimits, measured in turns with the rows above")
      Table(columns: ["limit", "for", "median", "least", "greatest"], rows: limits, words: [0, 1]).print()
    }
    Swift.print("\nPer message, in each process: medians over the rounds")
    Table(
      columns: [
        "scenario", "process", "allocations", "bytes of them", "reads", "writes", "polls", "other calls", "wake-ups",
        "switches", "CPU us", "resident MiB",
      ],
      rows: measurements.flatMap(counters), words: [0, 1]
    ).print()
    Swift.print(
      """

      One-way messages count when the receiver's handler has confirmed them; their times are those from a batch's first \
      message to its confirmation. A ratio is the median of the rounds' own ratios, with the least and the greatest; for p50 \
      less is better, for the others more. +-% is half the distance between the slowest and the fastest round.
      """)
    if !measurements.allSatisfy(\.isCounted) {
      Swift.print("Allocations and system calls are not counted in this build.")
    }
  }

  private func row(_ result: Measurement) -> [String] {
    let scenario = result.scenario
    let ratio = result.limits.first.flatMap { limit in
      result.ratio(to: limit).map { (limit.limit.title, Format.ratio($0)) }
    }
    return [
      scenario.name, Format.bytes(scenario.payload), "\(scenario.window)", scenario.dispatch.rawValue,
      scenario.api.rawValue, "\(scenario.senders)", Format.count(result.throughput.median),
      Format.whole(100 * result.throughput.relative), Format.decimal(result.megabytesPerSecond),
    ] + result.latency.cells + [ratio?.0 ?? "", ratio?.1 ?? ""]
  }

  /// Every limit of every scenario, in the unit of its quantity.
  private var limits: [[String]] {
    measurements.flatMap { result in
      result.limits.filter { !$0.values.isEmpty }.map { limit in
        let spread = Spread(limit.values)
        let cells = [spread.median, spread.low, spread.high].map { value in
          limit.limit.quantity == .p50Microseconds ? Format.decimal(value) : Format.count(value)
        }
        return [limit.limit.title, result.scenario.title] + cells
      }
    }
  }

  private func counters(_ result: Measurement) -> [[String]] {
    let (counts, resident) = (result.perMessage, result.residentBytes)
    let sides =
      result.scenario.isLocal
      ? [("only one", counts.client, resident.client)]
      : [("client", counts.client, resident.client), ("server", counts.server, resident.server)]
    return sides.map { side in
      let (name, counts, resident) = side
      let counted =
        [
          counts.allocations, counts.allocatedBytes, counts.reads, counts.writes, counts.polls, counts.otherCalls,
          counts.wakeUps,
        ].map { result.isCounted ? Format.perMessage($0) : "" }
      return [result.scenario.title, name] + counted
        + [counts.contextSwitches, counts.cpuMicroseconds].map(Format.perMessage)
        + [Format.decimal(Double(resident) / 1_048_576)]
    }
  }
}
