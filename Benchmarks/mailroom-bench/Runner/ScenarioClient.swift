internal import Mailroom

/// The client of one scenario: an environment, its connections, and references to the endpoints.
struct ScenarioClient {
  let scenario: Scenario
  private let env: RPCEnv
  private let control: RPCEndpointRef
  /// For each connection.
  private let targets: [Targets]
  /// The endpoint that counts one-way messages, for each connection.
  private let counters: [RPCEndpointRef]

  /// Connects to a server at `host`.
  static func open(
    _ scenario: Scenario, host: String, settings: EnvironmentSettings
  ) async throws -> ScenarioClient {
    FileDescriptors.allowMany()
    let configuration = configuration(scenario, settings)
    let env =
      scenario.isLocal
      ? try await RPCEnv.start(name: "bench", configuration: configuration)
      : try await RPCEnv.client(name: "bench-client", configuration: configuration)
    do {
      if scenario.isLocal {
        try BenchEndpoints(count: scenario.endpoints, dispatches: [scenario.dispatch]).register(in: env)
      }
      let host = scenario.isLocal ? env.address?.hostPort ?? host : host
      let addresses = try Addresses.of(connections: scenario.connections, at: host)
      let control = try await env.endpointRef("rpc://\(ControlEndpoint.name)@\(addresses[0])")
      var connections: [[RPCEndpointRef]] = []
      for address in addresses {
        connections.append(try await References.lookUp(scenario, at: address, in: env))
      }
      return ScenarioClient(
        scenario: scenario, env: env, control: control, targets: connections.map { Targets($0) },
        counters: connections.map { $0[0] })
    } catch {
      await env.shutdown()
      throw error
    }
  }

  func close() async { await env.shutdown() }

  /// The settings' configuration, but that all windows fit into the queue: it is they that pace a run, and not its bound.
  private static func configuration(_ scenario: Scenario, _ settings: EnvironmentSettings) -> RPCConfiguration {
    var configuration = settings.configuration
    // Beside each batch there is a question; around each payload an envelope.
    let messages = scenario.senders * (scenario.window + 2)
    let bytes = 2 * messages * (scenario.payload + 256)
    configuration.maximumOutboxMessages = max(configuration.maximumOutboxMessages, 2 * messages)
    configuration.maximumOutboxBytes = max(configuration.maximumOutboxBytes, bytes)
    if scenario.isLocal {
      configuration.maximumInboxMessages = max(configuration.maximumInboxMessages, 2 * messages)
      configuration.maximumInboxBytes = max(configuration.maximumInboxBytes, bytes)
    }
    return configuration
  }

  /// What both processes have cost so far; a local scenario has one, and nothing is said of a server.
  func cost() async throws -> BothSides<ProcessCost> {
    if scenario.isLocal { return BothSides(client: try ProcessCost.now(), server: .none) }
    let server = try await control.ask(CostSoFar())
    return BothSides(client: try ProcessCost.now(), server: server)
  }

  /// Sends for a while, and returns when everything that was sent has come back.
  func send(_ amount: Amount, ticker: Ticker? = nil) async throws -> Recorder {
    let handledBefore = try await handled()
    let recorder = Recorder(amount)
    ticker?.follow(recorder)
    defer { ticker?.follow(nil) }
    await withTaskGroup(of: Void.self) { group in
      for connection in targets.indices {
        for sender in 0..<scenario.senders {
          group.addTask { await runSender(connection, sender, recorder) }
        }
      }
    }
    if let error = recorder.error { throw error }
    // Everything confirmed was handled; the receiver's own count must not be below it.
    let handled = try await handled() - handledBefore
    guard scenario.kind == .ask || handled >= recorder.count else {
      throw BenchError("\(recorder.count) messages were confirmed, but the receiver counts \(handled)")
    }
    return recorder
  }

  /// One round: what is sent, and what it cost both processes from the first message to the last.
  func round(_ amount: Amount, ticker: Ticker) async throws -> Round {
    let before = try await cost()
    let recorder = try await send(amount, ticker: ticker)
    let after = try await cost()
    let messages = recorder.count
    guard messages > 0 else { throw BenchError("no message was counted: give it more --seconds") }
    let perMessage = BothSides(
      client: after.client.counts.perMessage(since: before.client.counts, messages: messages),
      server: after.server.counts.perMessage(since: before.server.counts, messages: messages))
    return Round(
      messages: messages, seconds: recorder.seconds, latencies: recorder.histogram, perMessage: perMessage)
  }

  /// One-way messages that the receiver has handled; zero for asks.
  private func handled() async throws -> UInt64 {
    guard scenario.kind == .oneWay else { return 0 }
    // All connections lead to the same endpoint.
    return try await counters[0].ask(HandledCount())
  }

  private func runSender(_ connection: Int, _ sender: Int, _ recorder: Recorder) async {
    let (payload, window) = (scenario.payload, scenario.window)
    let targets = targets[connection].starting(at: sender)
    let ref = counters[connection]
    // Few senders hand over many samples at a time; many senders must not have memory for that.
    let block = max(16, 1024 / scenario.connections)
    switch (scenario.kind, scenario.api) {
    case (.ask, .async):
      await AsyncAskSender.run(targets, payload: payload, window: window, recorder: recorder, block: block)
    case (.oneWay, .async):
      await AsyncOneWaySender.run(ref, payload: payload, window: window, recorder: recorder)
    case (.ask, .executor):
      await onEventLoop(of: ref) {
        await AsyncAskSender.run(targets, payload: payload, window: window, recorder: recorder, block: block)
      }
    case (.oneWay, .executor):
      await onEventLoop(of: ref) {
        await AsyncOneWaySender.run(ref, payload: payload, window: window, recorder: recorder)
      }
    case (.ask, .callback):
      await withCheckedContinuation { continuation in
        CallbackAskSender(targets, payload: payload, window: window, recorder: recorder, block: block) {
          continuation.resume()
        }.start()
      }
    case (.oneWay, .callback):
      await withCheckedContinuation { continuation in
        CallbackOneWaySender(ref, payload: payload, window: window, recorder: recorder) { continuation.resume() }
          .start()
      }
    }
  }

  /// Runs tasks on the event loop that has the connection; where they are in libraries that cannot do that.
  private func onEventLoop(of ref: RPCEndpointRef, _ body: @Sendable () async -> Void) async {
    #if MAILROOM_BENCH_OLDER_LIBRARY
      await body()
    #else
      await withTaskExecutorPreference(ref.taskExecutor) { await body() }
    #endif
  }
}
