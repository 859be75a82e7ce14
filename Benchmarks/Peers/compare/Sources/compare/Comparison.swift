import Foundation

/// Builds all programs and measures them in turns.
struct Comparison {
  let contestants: [Contestant]
  let scenarios: [Scenario]
  let options: Options
  let root: String

  /// In each round every program runs every scenario once, side by side with the others: what the machine does meanwhile
  /// meets all of them.
  func run() throws -> Results {
    var versions: [String: Version] = [:]
    var built: Set<String> = []
    for contestant in contestants {
      let program = Program(contestant: contestant, root: root)
      // Mailroom takes part more than once.
      if built.insert(contestant.folder).inserted { try program.build() }
      versions[contestant.name] = try program.version()
    }
    var results = Results(
      machine: .current(), rounds: options.rounds, seconds: options.seconds, scenarios: scenarios, versions: versions)
    for round in 0..<options.rounds {
      for scenario in scenarios {
        // Another one begins each time, so that nobody always runs behind the same one.
        for index in contestants.indices {
          let contestant = contestants[(index + round) % contestants.count]
          results.add(try sample(contestant, scenario, round: round), of: contestant, in: scenario)
        }
      }
    }
    return results
  }

  /// A run; nil if it failed, which is said and does not end the comparison.
  private func sample(_ contestant: Contestant, _ scenario: Scenario, round: Int) throws -> Sample? {
    let what = "round \(round + 1): \(scenario.title), \(contestant.title)"
    do {
      let program = Program(contestant: contestant, root: root)
      let sample = try program.run(scenario, seconds: options.seconds, warmup: options.warmup)
      note("\(what): \(scenario.text(scenario.figure(sample)))")
      return sample
    } catch {
      note("\(what): FAILED: \(error)")
      return nil
    }
  }

  private func note(_ text: String) { FileHandle.standardError.write(Data("\(text)\n".utf8)) }
}
