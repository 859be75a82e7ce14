internal import ArgumentParser

/// The measuring side.
struct Run: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Runs the standard suite, or one scenario, in turns with its limits.",
    discussion: """
      Each scenario is measured in rounds. In each round the C programs that do the same as the scenario with as little code as \
      possible are measured right before it, so that both meet the same machine; printed are medians over the rounds, and how far \
      the rounds lie apart. Allocations, system calls, wake-ups, context switches and processor time are counted in both \
      processes from the first message of a round to its last.
      """)

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
  @Option(help: "Senders at the same time, on each connection. (default: 1)")
  var senders: Int?
  @Option(help: "Connections between the two processes. (default: 1)")
  var connections: Int?
  @Option(help: "Endpoints that requests go to in turn. (default: 1)")
  var endpoints: Int?
  @Flag(help: "Have the endpoints in the sender's environment; compared with the same over loopback.")
  var local = false
  @Option(help: "Rounds, in turns with the limits.")
  var rounds = 5
  @Option(help: "Messages to count, over all rounds.")
  var messages: Int?
  @Option(help: "Seconds to count for, over all rounds. (default: 3)")
  var seconds: Double?
  @Option(help: "Seconds before counting begins. (default: 0.5)")
  var warmup: Double?
  @Flag(inversion: .prefixedNo, help: "Measure the C limits too.")
  var limits = true
  @OptionGroup var environment: EnvironmentOptions
  @Option(help: ArgumentHelp("Where to write the results as JSON.", valueName: "file"))
  var json: String?
  @Option(help: ArgumentHelp("A server to use instead of an own one.", valueName: "host:port"))
  var connect: String?

  func validate() throws {
    if let payload, !(0...64 << 20).contains(payload) { throw ValidationError("--payload is 0 to 64 MiB.") }
    if let window, !(1...1 << 20).contains(window) { throw ValidationError("--window is 1 to 1048576.") }
    if let senders, !(1...1024).contains(senders) { throw ValidationError("--senders is 1 to 1024.") }
    if let connections, !(1...16_384).contains(connections) { throw ValidationError("--connections is 1 to 16384.") }
    if let endpoints, !(1...1 << 20).contains(endpoints) { throw ValidationError("--endpoints is 1 to 1048576.") }
    if (connections ?? 1) * (endpoints ?? 1) > 1 << 20 {
      throw ValidationError("--connections times --endpoints is at most 1048576.")
    }
    if (endpoints ?? 1) > 1 && scenario == .oneWay { throw ValidationError("--endpoints is for asks.") }
    if !(1...1000).contains(rounds) { throw ValidationError("--rounds is 1 to 1000.") }
    if let messages, messages < 1 { throw ValidationError("--messages is at least 1.") }
    if let seconds, !(seconds > 0 && seconds <= 86_400) { throw ValidationError("--seconds is above 0.") }
    if let warmup, !(warmup >= 0 && warmup <= 3600) { throw ValidationError("--warmup is 0 or more.") }
    if messages != nil && seconds != nil { throw ValidationError("Give --messages or --seconds, not both.") }
    if local && (connect != nil || (connections ?? 1) > 1) {
      throw ValidationError("--local has no connections and needs no server.")
    }
    if local && api == .callback && (endpoints ?? 1) > 1 {
      throw ValidationError("--local needs --api async for several --endpoints, whose threads would share a sender.")
    }
    if connect != nil && (connections ?? 1) > 1 { throw ValidationError("--connections needs an own server.") }
  }

  private var isSingle: Bool {
    scenario != nil || payload != nil || window != nil || dispatch != nil || api != nil || senders != nil
      || connections != nil || endpoints != nil || messages != nil || local
  }

  /// The scenarios that the options ask for.
  private var scenarios: [Scenario] {
    guard isSingle else { return StandardSuite.scenarios }
    return [
      Scenario(
        kind: scenario ?? .ask, payload: payload ?? 16, window: window ?? 128, dispatch: dispatch ?? .shared,
        api: api ?? .async, senders: senders ?? 1, connections: connections ?? 1, endpoints: endpoints ?? 1,
        isLocal: local)
    ]
  }

  private var plan: RunPlan {
    var plan = RunPlan()
    plan.rounds = rounds
    if let messages { plan.amount = .messages(messages) }
    if let seconds { plan.amount = .seconds(seconds) }
    if let warmup { plan.warmup = warmup }
    return plan
  }

  func run() async throws {
    let server = connect == nil ? try ServerProcess.start(for: scenarios, settings: environment.settings) : nil
    defer { server?.stop() }
    // The limits are a matter of this machine; a server elsewhere says nothing about it.
    let limitClient = connect == nil && limits ? try LimitClient() : nil
    defer { limitClient?.stop() }
    let run = ScenarioRun(
      plan: plan, settings: environment.settings, host: connect ?? server?.address ?? "", limits: limitClient,
      progress: Progress())
    var measurements: [Measurement] = []
    for scenario in scenarios { measurements.append(try await run.run(scenario)) }
    let report = Report(machine: Machine.current(), settings: environment.settings, measurements: measurements)
    report.print()
    if let json { try JSONFile.write(JSONReport(report), to: json) }
  }
}
