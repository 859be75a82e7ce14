internal import Foundation

/// What an overload did, for people.
struct OverloadReport {
  let machine: Machine
  let outcome: OverloadRun.Outcome

  func print() {
    let (plan, sent, arrivals) = (outcome.plan, outcome.sent, outcome.arrivals)
    Swift.print(machine)
    Swift.print(
      """
      \(Format.bytes(plan.payload)) messages for \(Format.decimal(plan.seconds)) s to an endpoint that takes \
      \(Format.decimal(plan.rate)) per second, when full: \(plan.whenFull.rawValue); \(Format.decimal(plan.asks)) asks per second \
      to another one, \(plan.dispatch.rawValue)

      """)
    let counts = [sent.accepted, sent.refused, outcome.receivedUnderLoad, arrivals.received].map { "\($0)" }
    Table(
      columns: ["accepted", "refused", "received under load", "received", "lost", "out of order"],
      rows: [counts + ["\(outcome.lost)", "\(arrivals.outOfOrder)"]], words: []
    ).print()
    Swift.print()
    Table(
      columns: ["resident MiB", "at 5 s", "in the middle", "at the end", "most"],
      rows: [memory("sender", \.sender), memory("receiver", \.receiver)], words: [0]
    ).print()
    Swift.print()
    Table(
      columns: ["asks", "p50 us", "p90 us", "p99 us", "p99.9 us", "max us"],
      rows: [latency("without load", outcome.unloaded), latency("under load", outcome.loaded)], words: [0]
    ).print()
    Swift.print("\nAsks are measured from when they should have begun, over the connection that the messages take.")
    if !outcome.isRight { Swift.print("WRONG: what was accepted did not all arrive once and in order") }
  }

  private func memory(_ name: String, _ side: KeyPath<ResidentSets.Sample, Int>) -> [String] {
    let (sets, seconds) = (outcome.memory, outcome.plan.seconds)
    let bytes = [min(5, seconds), seconds / 2, seconds].map { sets.sample(at: $0)?[keyPath: side] }
    let most = sets.samples.map { $0[keyPath: side] }.max()
    return [name] + (bytes + [most]).map { $0.map { Format.decimal(Double($0) / 1_048_576) } ?? "" }
  }

  private func latency(_ name: String, _ latency: Latency) -> [String] {
    [name] + [latency.p50, latency.p90, latency.p99, latency.p999, latency.max].map(Format.decimal)
  }
}

/// What an overload did, as JSON.
struct OverloadJSON: Codable {
  struct Result: Codable {
    var name = "overload"
    let payload: Int
    let rate, seconds, asks: Double
    let whenFull, dispatch: String
    let accepted, refused, receivedUnderLoad, received, outOfOrder, undeliverable: UInt64
    let lost: Int64
    let residentBytes: [ResidentSets.Sample]
    let unloadedLatencyMicroseconds, loadedLatencyMicroseconds: Latency
  }

  var schema = 1
  let machine: Machine
  let results: [Result]

  init(_ report: OverloadReport) {
    let outcome = report.outcome
    let (plan, sent, arrivals) = (outcome.plan, outcome.sent, outcome.arrivals)
    machine = report.machine
    results = [
      Result(
        payload: plan.payload, rate: plan.rate, seconds: plan.seconds, asks: plan.asks,
        whenFull: plan.whenFull.rawValue, dispatch: plan.dispatch.rawValue, accepted: sent.accepted,
        refused: sent.refused, receivedUnderLoad: outcome.receivedUnderLoad, received: arrivals.received,
        outOfOrder: arrivals.outOfOrder, undeliverable: outcome.undeliverable, lost: outcome.lost,
        residentBytes: outcome.memory.samples, unloadedLatencyMicroseconds: outcome.unloaded,
        loadedLatencyMicroseconds: outcome.loaded)
    ]
  }
}
