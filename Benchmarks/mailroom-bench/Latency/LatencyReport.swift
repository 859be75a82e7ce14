/// What was measured of latencies, for people and as JSON.
struct LatencyReport: Codable {
  /// One row with so many asks on their way.
  struct Closed: Codable {
    let window: Int
    let throughput: Double
    let latencyMicroseconds: Latency
  }

  /// One row with so many asks per second.
  struct Open: Codable {
    /// The part of the most that was asked at; nil when the rate was given.
    var load: Double?
    /// Asks per second that were wanted; nil for as many as possible.
    let rate: Double?
    /// Answers per second.
    let throughput: Double
    /// Asks that found no room.
    let refused: UInt64
    /// By how much asks began later than they should have; part of the latency.
    let latenessMicroseconds: Latency
    /// From when asks should have begun.
    let latencyMicroseconds: Latency
  }

  var schema = 2
  let machine: Machine
  let payload: Int
  let dispatch: Dispatch
  let environment: [String: Int]
  let closedLoop: [Closed]
  let openLoop: [Open]

  func print() {
    Swift.print(machine)
    Swift.print("asks of \(Format.bytes(payload)), \(dispatch.rawValue)")
    if !closedLoop.isEmpty {
      Swift.print("\nClosed loop: so many asks on their way, from functions on the event loop")
      Table(
        columns: ["window", "asks/s"] + Latency.columns,
        rows: closedLoop.map { ["\($0.window)", Format.count($0.throughput)] + $0.latencyMicroseconds.cells },
        words: []
      ).print()
    }
    Swift.print(
      "\nOpen loop: so many asks per second, from a thread of its own, measured from when each should have begun")
    Table(
      columns: ["load", "asks/s", "answers/s", "refused"] + Latency.columns + ["late p50 us", "late p99 us"],
      rows: openLoop.map(row), words: []
    ).print()
  }

  private func row(_ open: Open) -> [String] {
    let late = open.latenessMicroseconds
    return [
      open.load.map { Format.whole(100 * $0) + " %" } ?? "", open.rate.map(Format.count) ?? "",
      Format.count(open.throughput), "\(open.refused)",
    ] + open.latencyMicroseconds.cells + [late.p50, late.p99].map(Format.decimal)
  }
}
