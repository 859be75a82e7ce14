/// The command line.
struct Options: Equatable {
  static let help = """
    usage: scripts/compare [options]

    Builds Mailroom and its peers, measures them in turns on the same scenarios, and prints what came out as Markdown.
    What is missing is installed with apt-get. Peers: \(names(Contestant.peers)).

      --only PEER,...      only these peers
      --with PEER,...      also these, which are left out otherwise: \(names(Contestant.peers.filter(\.isOptIn)))
      --scenario NAME,...  only these scenarios: \(Scenario.all.map(\.name).joined(separator: ", "));
                           or all that begin so
      --rounds N           rounds; in each, every program runs every scenario once (5)
      --seconds S          seconds to count for in each run (2)
      --warmup S           seconds before counting begins; some peers take more (0.5)
      --readme             writes the table in README.md, docs/comparison.md and docs/comparison.svg
      --results FILE       measures nothing: uses the results in FILE, which an earlier run has left
    """

  var only: [String] = []
  var with: [String] = []
  var scenarios: [String] = []
  var rounds = 5
  var seconds = 2.0
  var warmup = 0.5
  var writesReadme = false
  var results: String?
  var wantsHelp = false

  /// Reads arguments.
  ///
  /// - Throws: ``Failure`` for one that is unknown or has no usable value.
  init(_ arguments: [String]) throws {
    var rest = arguments[...]
    while let name = rest.popFirst() {
      switch name {
      case "-h", "--help": wantsHelp = true
      case "--readme": writesReadme = true
      case "--only": only += try Self.list(name, &rest)
      case "--with": with += try Self.list(name, &rest)
      case "--scenario": scenarios += try Self.list(name, &rest)
      case "--rounds": rounds = Int(try Self.number(name, &rest))
      case "--seconds": seconds = try Self.number(name, &rest)
      case "--warmup": warmup = try Self.number(name, &rest)
      case "--results": results = try Self.value(name, &rest)
      default: throw Failure("unknown option \(name); --help lists them")
      }
    }
    guard rounds >= 1, seconds > 0 else { throw Failure("--rounds is at least 1, --seconds above 0") }
    _ = try (chosenContestants, chosenScenarios)
  }

  /// Mailroom and the peers that take part.
  var chosenContestants: [Contestant] {
    get throws {
      for name in only + with where !Contestant.peers.contains(where: { $0.name == name }) {
        throw Failure("there is no peer '\(name)'; there are: \(Self.names(Contestant.peers))")
      }
      let peers = Contestant.peers.filter { peer in
        with.contains(peer.name) || (only.isEmpty ? !peer.isOptIn : only.contains(peer.name))
      }
      return Contestant.mailroom + peers
    }
  }

  var chosenScenarios: [Scenario] {
    get throws {
      for name in scenarios where !Scenario.all.contains(where: { $0.name.hasPrefix(name) }) {
        throw Failure(
          "there is no scenario '\(name)'; there are: \(Scenario.all.map(\.name).joined(separator: ", "))")
      }
      if scenarios.isEmpty { return Scenario.all }
      return Scenario.all.filter { scenario in scenarios.contains { scenario.name.hasPrefix($0) } }
    }
  }

  private static func names(_ contestants: [Contestant]) -> String {
    contestants.map(\.name).joined(separator: ", ")
  }

  private static func value(_ name: String, _ rest: inout ArraySlice<String>) throws -> String {
    guard let value = rest.popFirst() else { throw Failure("\(name) has no value") }
    return value
  }

  private static func list(_ name: String, _ rest: inout ArraySlice<String>) throws -> [String] {
    try value(name, &rest).split(separator: ",").map(String.init)
  }

  private static func number(_ name: String, _ rest: inout ArraySlice<String>) throws -> Double {
    let value = try value(name, &rest)
    guard let number = Double(value), number >= 0, number < 1e6 else { throw Failure("\(name): \(value) is no number") }
    return number
  }
}

/// Why the comparison cannot go on.
struct Failure: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
