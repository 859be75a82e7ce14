import Foundation

/// A contestant that is built, and measures itself.
struct Program {
  let contestant: Contestant
  /// The repository.
  let root: String

  private var folder: String { "\(root)/.build-peers/\(contestant.folder)" }
  private var path: String { "\(folder)/peer" }

  func build() throws { try Command.show(["\(root)/Benchmarks/Peers/\(contestant.folder)/build"]) }

  /// What the build noted: the version, and what built or runs it.
  func version() throws -> Version {
    let lines = try String(contentsOfFile: "\(folder)/version", encoding: .utf8).split(separator: "\n").map(String.init)
    guard lines.count == 2 else { throw Failure("\(folder)/version is not two lines") }
    return Version(number: lines[0], toolchain: lines[1])
  }

  /// Runs a scenario once, in two fresh processes.
  func run(_ scenario: Scenario, seconds: Double, warmup: Double) throws -> Sample {
    let scenario = contestant.adapted(scenario)
    let warmup = max(warmup, contestant.leastWarmup)
    let limit = 60 + 2 * (seconds + warmup)
    let server = try ServerProcess(
      [path, "serve"] + (contestant.isMailroom ? ["--until-input-ends"] : []), limit: limit)
    defer { server.stop() }
    let pace = ["--payload", "\(scenario.payload)", "--window", "\(scenario.window)"]
    let time = ["--seconds", "\(seconds)", "--warmup", "\(warmup)"]
    let sample =
      if let options = contestant.runnerOptions {
        try RunnerReport.sample { file in
          let kind: Scenario.Kind = scenario.kind == .pingPong ? .ask : scenario.kind
          // The rounds are this program's, and so are the others beside whom it runs.
          let once = ["--rounds", "1", "--no-limits"]
          let what = once + ["--connect", server.address, "--scenario", kind.rawValue, "--json", file]
          _ = try Command.output([path, "run"] + what + pace + options + time, limit: limit)
        }
      } else {
        try JSONDecoder().decode(
          Sample.self,
          from: Data(
            Command.output(
              [path, "run", "--address", server.address, "--scenario", scenario.kind.rawValue] + pace + time,
              limit: limit
            ).utf8))
      }
    guard sample.messages > 0, sample.seconds > 0 else {
      throw Failure("no message was counted: give it more --seconds")
    }
    return sample
  }
}

/// What is measured, and what it was built with.
struct Version: Codable, Equatable {
  var number, toolchain: String
}

/// What is read of the JSON of Mailroom's runner.
struct RunnerReport: Decodable {
  struct Result: Decodable {
    struct Latency: Decodable { var p50, p99: Double }
    var messages: Int
    var seconds: Double
    var latencyMicroseconds: Latency
  }

  var results: [Result]

  /// The sample that `run` leaves in the file that it gets.
  static func sample(_ run: (_ file: String) throws -> Void) throws -> Sample {
    let file = NSTemporaryDirectory() + "/compare-\(UUID().uuidString).json"
    defer { try? FileManager.default.removeItem(atPath: file) }
    try run(file)
    let report = try JSONDecoder().decode(Self.self, from: Data(contentsOf: URL(fileURLWithPath: file)))
    guard let result = report.results.first else { throw Failure("the runner reports nothing") }
    return Sample(
      messages: result.messages, seconds: result.seconds, p50: result.latencyMicroseconds.p50,
      p99: result.latencyMicroseconds.p99)
  }
}
