internal import ArgumentParser

/// Latencies, of asks that wait for each other and of asks that do not.
struct LatencyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "latency",
    abstract: "Measures latencies: with so many asks on their way, and at so many asks per second.",
    discussion: """
      The closed loop asks again when an answer has come, so that a stall delays few asks. The open loop asks at a fixed rate, \
      whether answers come or not, and measures from when an ask should have begun: at 10, 50, 80 and 95 % of the most that \
      the same sender achieves, or at the rates that --rate names. Its column 'late' says how much of it is the sender's own \
      thread that began later than it should.
      """)

  @Option(help: "Bytes of a message.")
  var payload = 16
  @Option(help: "Where the far handler runs: \(Dispatch.allCases.map(\.rawValue).joined(separator: ", ")).")
  var dispatch = Dispatch.eventLoop
  @Option(
    help: ArgumentHelp(
      "Asks per second of an open loop; give it several times for several rates.", valueName: "per second"))
  var rate: [Double] = []
  @Option(help: "Seconds of each row.")
  var seconds = 3.0
  @OptionGroup var environment: EnvironmentOptions
  @Option(help: ArgumentHelp("Where to write the results as JSON.", valueName: "file"))
  var json: String?

  func validate() throws {
    if !(0...64 << 20).contains(payload) { throw ValidationError("--payload is 0 to 64 MiB.") }
    if rate.contains(where: { !(0.1...1e8).contains($0) }) { throw ValidationError("--rate is 0.1 to 100000000.") }
    if !(seconds > 0 && seconds <= 3600) { throw ValidationError("--seconds is above 0.") }
  }

  func run() async throws {
    let settings = environment.settings
    let server = try ServerProcess.start(for: [], settings: settings)
    defer { server.stop() }
    let run = LatencyRun(
      payload: payload, dispatch: dispatch, seconds: seconds, settings: settings, host: server.address,
      progress: Progress())
    let closed = rate.isEmpty ? try await run.closedLoop() : []
    let open = try await run.openLoop(rates: rate)
    let report = LatencyReport(
      machine: Machine.current(), payload: payload, dispatch: dispatch, environment: settings.json, closedLoop: closed,
      openLoop: open)
    report.print()
    if let json { try JSONFile.write(report, to: json) }
  }
}
