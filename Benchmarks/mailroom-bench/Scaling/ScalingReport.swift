/// How cost grew, for people and as JSON.
struct ScalingReport: Codable {
  /// One measurement.
  struct Point: Codable {
    /// The value of what grew.
    let label: String
    let result: JSONReport.Result

    /// Messages per second.
    var throughput: Spread { Spread(result.rounds.map(\.throughput)) }
    /// Microseconds of processor time per message, both processes together.
    var cpu: Double { result.perMessage.client.cpuMicroseconds + result.perMessage.server.cpuMicroseconds }
  }

  /// What grew, and what came of it.
  struct Series: Codable {
    let title: String
    let points: [Point]
  }

  var schema = 2
  let machine: Machine
  let series: [Series]

  private static let columns = [
    "what grows", "to", "window", "messages/s", "+-%", "to the first", "MB/s", "p50 us", "p99 us", "CPU us",
    "allocations",
    "system calls", "client MiB", "server MiB",
  ]

  private var rows: [[String]] {
    series.flatMap { series in series.points.map { row($0, in: series) } }
  }

  var table: Table { Table(columns: Self.columns, rows: rows, words: [0]) }

  /// The table, with the machine above it.
  var markdown: String { "\(machine)\n\n\(table.markdown)" }

  private func row(_ point: Point, in series: Series) -> [String] {
    let (result, throughput) = (point.result, point.throughput)
    let (client, server) = (result.perMessage.client, result.perMessage.server)
    let first = series.points.first?.throughput.median ?? 0
    return [
      series.title, point.label, "\(result.window)", Format.count(throughput.median),
      Format.whole(100 * throughput.relative), first > 0 ? Format.factor(throughput.median / first) : "",
      Format.decimal(throughput.median * Double(result.payload) / 1e6), Format.decimal(result.latencyMicroseconds.p50),
      Format.decimal(result.latencyMicroseconds.p99), Format.perMessage(point.cpu),
      Format.perMessage(client.allocations + server.allocations),
      Format.perMessage(client.systemCalls + server.systemCalls), mebibytes(result.residentBytes.client),
      mebibytes(result.residentBytes.server),
    ]
  }

  private func mebibytes(_ bytes: Int) -> String { Format.decimal(Double(bytes) / 1_048_576) }

  /// Two panels for each series: messages per second with the spread of the rounds, and the memory of both processes.
  var svg: String {
    let panels = series.flatMap { series in
      let labels = series.points.map(\.label)
      let throughput = Panel.Line(
        name: "messages/s", values: series.points.map(\.throughput.median),
        ranges: series.points.map { ($0.throughput.low, $0.throughput.high) })
      let memory = [("client", \BothSides<Int>.client), ("server", \BothSides<Int>.server)].map { name, side in
        Panel.Line(
          name: "\(name) MiB", values: series.points.map { Double($0.result.residentBytes[keyPath: side]) / 1_048_576 })
      }
      return [
        Panel(title: series.title, labels: labels, lines: [throughput]),
        Panel(title: "\(series.title): memory", labels: labels, lines: memory),
      ]
    }
    return Chart(title: "\(machine)", panels: panels, columns: 2).svg
  }
}
