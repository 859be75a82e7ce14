internal import Foundation

/// The results as a table.
struct Report {
  let machine: Machine
  let measurements: [Measurement]

  private static let columns = [
    "scenario", "payload", "window", "dispatch", "api", "senders", "messages/s", "MB/s", "p50 us", "p90 us", "p99 us",
    "p99.9 us", "max us", "p50 / C",
  ]

  func print() {
    Swift.print(machine)
    Table(columns: Self.columns, rows: measurements.map(row), words: [0, 3, 4]).print()
    Swift.print(
      """
      One-way messages count when the receiver's handler has confirmed them; their times are those from a batch's first \
      message to its confirmation. p50 / C is the ratio to C on blocking sockets, measured right after the row.
      """)
  }

  private func row(_ result: Measurement) -> [String] {
    let scenario = result.scenario
    let latency = result.latency
    let times = [latency.p50, latency.p90, latency.p99, latency.p999, latency.max].map(Format.decimal)
    return [
      scenario.name, Format.bytes(scenario.payload), "\(scenario.window)", scenario.dispatch.rawValue,
      scenario.api.rawValue, "\(scenario.senders)", Format.count(result.throughput),
      Format.decimal(result.megabytesPerSecond),
    ] + times + [result.limitP50.map { String(format: "%.2f", latency.p50 / $0) } ?? ""]
  }
}

/// The results as JSON.
struct JSONReport: Codable {
  struct Result: Codable {
    let name: String
    let payload, window: Int
    let dispatch, api: String
    let senders: Int
    let messages: UInt64
    let seconds, throughput: Double
    let latencyMicroseconds: Latency
  }

  var schema = 1
  let machine: Machine
  let results: [Result]

  init(_ report: Report) {
    machine = report.machine
    results = report.measurements.map { result in
      let scenario = result.scenario
      return Result(
        name: scenario.name, payload: scenario.payload, window: scenario.window, dispatch: scenario.dispatch.rawValue,
        api: scenario.api.rawValue, senders: scenario.senders, messages: result.messages, seconds: result.seconds,
        throughput: result.throughput, latencyMicroseconds: result.latency)
    }
  }
}
