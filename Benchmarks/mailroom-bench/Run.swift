internal import ArgumentParser
internal import CLimits
internal import Foundation

/// The measuring side.
struct Run: AsyncParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Runs the standard suite, or one scenario.")

  @Option(help: "What is sent: \(Kind.allCases.map(\.rawValue).joined(separator: ", ")).")
  var scenario: Kind?
  @Option(help: "Bytes of a message. (default: 16)")
  var payload: Int?
  @Option(help: "Messages on their way at a time, per sender; 1 is ping-pong. (default: 128)")
  var window: Int?
  @Option(help: "Where the far handler runs: \(Dispatch.allCases.map(\.rawValue).joined(separator: ", ")).")
  var dispatch: Dispatch?
  @Option(help: "How the sender uses the library: \(API.allCases.map(\.rawValue).joined(separator: ", ")).")
  var api: API?
  @Option(help: "Senders at the same time. (default: 1)")
  var senders: Int?
  @Option(help: "Messages to count.")
  var messages: Int?
  @Option(help: "Seconds to count for. (default: 3)")
  var seconds: Double?
  @Option(help: "Seconds before counting begins. (default: 0.5)")
  var warmup: Double?
  @Option(
    help: ArgumentHelp(
      "How long threads without work look for some, here and in the own server. (default: 0)", valueName: "microseconds"
    ))
  var busyPoll: Int?
  @Option(help: ArgumentHelp("Where to write the results as JSON.", valueName: "file"))
  var json: String?
  @Option(help: ArgumentHelp("A server to use instead of an own one.", valueName: "host:port"))
  var connect: String?

  func validate() throws {
    if let payload, !(0...64 << 20).contains(payload) { throw ValidationError("--payload is 0 to 64 MiB.") }
    if let window, !(1...1 << 20).contains(window) { throw ValidationError("--window is 1 to 1048576.") }
    if let senders, !(1...1024).contains(senders) { throw ValidationError("--senders is 1 to 1024.") }
    if let messages, messages < 1 { throw ValidationError("--messages is at least 1.") }
    if let seconds, !(seconds > 0 && seconds <= 86_400) { throw ValidationError("--seconds is above 0.") }
    if let warmup, !(warmup >= 0 && warmup <= 3600) { throw ValidationError("--warmup is 0 or more.") }
    if let busyPoll, !(0...1_000_000).contains(busyPoll) { throw ValidationError("--busy-poll is 0 to 1000000.") }
    if messages != nil && seconds != nil { throw ValidationError("Give --messages or --seconds, not both.") }
  }

  private var isSingle: Bool {
    scenario != nil || payload != nil || window != nil || dispatch != nil || api != nil || senders != nil
      || messages != nil
  }

  /// The scenarios that the options ask for.
  private var scenarios: [Scenario] {
    var chosen = StandardSuite.scenarios
    if isSingle {
      chosen = [
        Scenario(
          kind: scenario ?? .ask, payload: payload ?? 16, window: window ?? 128, dispatch: dispatch ?? .shared,
          api: api ?? .async, senders: senders ?? 1)
      ]
    }
    for index in chosen.indices {
      if let messages { chosen[index].amount = .messages(messages) }
      if let seconds { chosen[index].amount = .seconds(seconds) }
      if let warmup { chosen[index].warmup = warmup }
    }
    return chosen
  }

  func run() async throws {
    let progress = Progress()
    let server =
      connect == nil ? try ChildProcess(["serve", "--until-input-ends", "--busy-poll", "\(busyPoll ?? 0)"]) : nil
    defer { server?.stop() }
    let host = connect ?? server?.address ?? ""
    // The limit is a matter of this machine; a server elsewhere says nothing about it.
    let limit = connect == nil ? try ChildProcess(["limit-server"]) : nil
    defer { limit?.stop() }
    var measurements: [Measurement] = []
    for scenario in scenarios {
      var measurement = try await ScenarioRun(
        scenario: scenario, host: host, busyPoll: .microseconds(busyPoll ?? 0)
      ).run(progress: progress)
      if scenario.kind == .ask && scenario.window == 1 && scenario.senders == 1, let limit {
        measurement.limitP50 = try await Self.limitP50(port: limit.address, payload: scenario.payload)
      }
      measurements.append(measurement)
    }
    let report = Report(machine: Machine.current(), measurements: measurements)
    report.print()
    if let json { try JSONFile.write(JSONReport(report), to: json) }
  }

  /// The median round trip of C on blocking sockets, in microseconds.
  private static func limitP50(port: String, payload: Int) async throws -> Double {
    guard let port = UInt16(port) else { throw BenchError("the C limit has no port") }
    let trips = 10_000
    return try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread {
        var latencies = [UInt64](repeating: 0, count: trips)
        let result = climits_blocking_pingpong(port, UInt32(payload), 1000, UInt64(trips), &latencies)
        guard result == 0 else { return continuation.resume(throwing: BenchError("the C limit failed: \(-result)")) }
        continuation.resume(returning: Double(latencies.sorted()[trips / 2]) / 1000)
      }
    }
  }
}
