internal import ArgumentParser

/// Runs another build of this program and this one in turns.
struct Compare: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Runs another build of this program and this one in turns, and says what changed.",
    discussion: """
      Each round runs each scenario once with the one and once with the other, who take turns in being first. A quantity has \
      changed when all rounds agree about the direction, the difference is larger than half of what lies between its least and \
      its greatest, and it is 2 % at least; everything else is within the spread. 'scripts/bench compare REV' builds the revision first.
      """)

  @Argument(help: ArgumentHelp("The program to compare with.", valueName: "path"))
  var other: String
  @Option(help: "What to call it.")
  var name = "before"
  @Option(help: "Rounds. With 7, chance alone makes all agree in one of 64 cases.")
  var rounds = 7
  @Option(help: "Seconds of each scenario in a round.")
  var seconds = 0.5
  @Option(help: ArgumentHelp("Only scenarios whose titles contain this.", valueName: "text"))
  var filter: String?

  func validate() throws {
    if !(2...1000).contains(rounds) { throw ValidationError("--rounds is 2 to 1000.") }
    if !(seconds > 0 && seconds <= 3600) { throw ValidationError("--seconds is above 0.") }
  }

  func run() async throws {
    let scenarios = StandardSuite.scenarios.filter { scenario in filter.map(scenario.title.contains) ?? true }
    guard !scenarios.isEmpty else { throw BenchError("no scenario is called that: \(filter ?? "")") }
    let progress = Progress()
    let (before, after) = (OtherProgram(path: other), OtherProgram.own)
    var rows: [[String]] = []
    var changed: [String] = []
    for scenario in scenarios {
      let ticker = progress.ticker(scenario.title)
      defer { ticker.stop() }
      var (first, second): ([JSONRound], [JSONRound]) = ([], [])
      for round in 0..<rounds {
        if round % 2 == 0 {
          first += try measure(before, scenario)
          second += try measure(after, scenario)
        } else {
          second += try measure(after, scenario)
          first += try measure(before, scenario)
        }
      }
      for quantity in Comparison.Quantity.allCases {
        let comparison = Comparison(quantity, before: first.map(quantity.value), after: second.map(quantity.value))
        rows.append(comparison.cells(scenario: scenario.title))
        if comparison.verdict != .same {
          changed.append(
            "\(scenario.title): \(quantity.rawValue) \(comparison.ratio.map(Format.ratio) ?? "") \(comparison.verdict.rawValue)"
          )
        }
      }
    }
    print(Machine.current())
    print("before: \(name); after: this build; \(rounds) rounds in turns, ratio: after to before\n")
    Table(columns: Comparison.columns, rows: rows, words: [0, 1, 7]).print()
    print()
    print(changed.isEmpty ? "No difference beyond the spread." : changed.joined(separator: "\n"))
  }

  private func measure(_ program: OtherProgram, _ scenario: Scenario) throws -> [JSONRound] {
    let arguments = scenario.arguments + ["--rounds", "1", "--no-limits", "--seconds", "\(seconds)", "--warmup", "0.2"]
    return try program.results(arguments).results.flatMap(\.rounds)
  }
}
