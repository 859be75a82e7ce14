internal import ArgumentParser

/// Counts what the check suite costs, and compares it with what it may cost.
struct Check: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Compares allocations, system calls and wake-ups per message with the committed thresholds.",
    discussion: """
      Fails when a counter is above its threshold by more than the tolerance, which is printed beside it. Time is not looked at, \
      so the machine may be busy. With --update the thresholds become what is counted now.
      """)

  @Flag(help: "Write the thresholds instead of checking them.")
  var update = false
  @Option(help: ArgumentHelp("Where the thresholds are.", valueName: "folder"))
  var thresholds = "Benchmarks/Thresholds"
  @Option(help: ArgumentHelp("Only scenarios whose names contain this.", valueName: "text"))
  var filter: String?
  @Flag(help: "Print every counter, not only those that are not as they should be.")
  var verbose = false

  func run() async throws {
    guard Counts.areComplete else { throw BenchError("this build does not count allocations and system calls") }
    let entries = CheckSuite.entries.filter { filter.map($0.name.contains) ?? true }
    guard !entries.isEmpty else { throw BenchError("no scenario is called that: \(filter ?? "")") }
    let files = ThresholdFiles(folder: thresholds)
    let server = try ServerProcess.start(for: [], settings: EnvironmentSettings())
    defer { server.stop() }
    var verdicts: [ThresholdVerdict] = []
    for entry in entries {
      let measured = try await measure(entry, host: server.address)
      if update {
        try files.write(measured, for: entry.name)
      } else {
        guard let threshold = try files.read(entry.name) else {
          throw BenchError("\(entry.name) has no thresholds in \(thresholds): write them with --update")
        }
        verdicts += ThresholdVerdict.verdicts(
          scenario: entry.name, entry.steadiness, measured: measured, threshold: threshold)
      }
    }
    if update {
      print("wrote the thresholds of \(entries.count) scenarios to \(thresholds)")
    } else {
      try conclude(verdicts)
    }
  }

  private func measure(_ entry: CheckSuite.Entry, host: String) async throws -> Threshold {
    var plan = RunPlan()
    plan.rounds = CheckSuite.rounds
    plan.amount = .messages(entry.messages * CheckSuite.rounds)
    plan.warmup = 0.1
    let run = ScenarioRun(
      plan: plan, settings: EnvironmentSettings(), host: host, limits: nil, progress: Progress())
    return Threshold(leastOf: try await run.run(entry.scenario).rounds.map(\.perMessage))
  }

  private func conclude(_ verdicts: [ThresholdVerdict]) throws {
    let shown = verdicts.filter { verbose || $0.outcome != .holds }
    if !shown.isEmpty {
      Table(columns: ThresholdVerdict.columns, rows: shown.map(\.cells), words: [0, 1, 2, 6]).print()
    }
    let exceeded = verdicts.filter { $0.outcome == .exceeded }.count
    print("\(verdicts.count) counters, \(exceeded) above their thresholds")
    if shown.contains(where: { $0.outcome == .better }) {
      print("Some are better than their thresholds: 'scripts/bench update' makes that the rule.")
    }
    if exceeded > 0 {
      print("If that is meant to be, 'scripts/bench update' writes new thresholds; say why in the commit.")
      throw ExitCode(1)
    }
  }
}
