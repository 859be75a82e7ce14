internal import ArgumentParser
internal import Foundation

/// How cost grows with connections, endpoints, senders, event loops and payloads.
struct Scaling: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measures how cost grows with connections, endpoints, senders, event loops and payloads.",
    discussion: """
      Each point is a run of its own, with fresh processes, so that their memory is the point's alone. Takes a few minutes.
      """)

  @Option(help: "Rounds of each point.")
  var rounds = 3
  @Option(help: "Seconds of each point, over all rounds.")
  var seconds = 2.0
  @Option(help: ArgumentHelp("Only what grows has this in its title.", valueName: "text"))
  var filter: String?
  @Option(help: ArgumentHelp("Where to draw the results as SVG.", valueName: "file"))
  var chart: String?
  @Option(help: ArgumentHelp("Where to write the table as Markdown.", valueName: "file"))
  var markdown: String?
  @Option(help: ArgumentHelp("Where to write the results as JSON.", valueName: "file"))
  var json: String?

  func validate() throws {
    if !(1...1000).contains(rounds) { throw ValidationError("--rounds is 1 to 1000.") }
    if !(seconds > 0 && seconds <= 3600) { throw ValidationError("--seconds is above 0.") }
  }

  func run() async throws {
    let chosen = ScalingPlan.series.filter { series in filter.map(series.title.contains) ?? true }
    guard !chosen.isEmpty else { throw BenchError("nothing that grows is called that: \(filter ?? "")") }
    let progress = Progress()
    var results: [ScalingReport.Series] = []
    for series in chosen {
      var points: [ScalingReport.Point] = []
      for point in series.points {
        progress.note("\(series.title): \(point.label) …")
        points.append(ScalingReport.Point(label: point.label, result: try measure(point)))
      }
      results.append(ScalingReport.Series(title: series.title, points: points))
    }
    let report = ScalingReport(machine: Machine.current(), series: results)
    print(report.machine)
    report.table.print()
    if let markdown { try report.markdown.write(toFile: markdown, atomically: true, encoding: .utf8) }
    if let chart { try report.svg.write(toFile: chart, atomically: true, encoding: .utf8) }
    if let json { try JSONFile.write(report, to: json) }
  }

  private func measure(_ point: ScalingSeries.Point) throws -> JSONReport.Result {
    let arguments =
      point.scenario.arguments + point.settings.arguments + [
        "--rounds", "\(rounds)", "--seconds", "\(seconds)", "--warmup", "0.3", "--no-limits",
      ]
    guard let result = try OtherProgram.own.results(arguments).results.first else {
      throw BenchError("a run has no results")
    }
    return result
  }
}
