internal import Foundation
internal import Mailroom

/// What one scenario achieved.
struct Measurement {
  let scenario: Scenario
  let messages: UInt64
  let seconds: Double
  let latency: Latency
  /// The median of C on blocking sockets, taken right after, for ping-pong.
  var limitP50: Double?

  var throughput: Double { seconds > 0 ? Double(messages) / seconds : 0 }
  var megabytesPerSecond: Double { throughput * Double(scenario.payload) / 1e6 }
}

/// Runs one scenario against a server.
struct ScenarioRun {
  let scenario: Scenario
  let host: String
  var busyPoll = Duration.zero

  func run(progress: Progress) async throws -> Measurement {
    let env = try await RPCEnv.client(name: "bench-client", configuration: configuration)
    do {
      let measurement = try await measure(env, progress)
      await env.shutdown()
      return measurement
    } catch {
      await env.shutdown()
      throw error
    }
  }

  /// The defaults, but that all windows fit into the outbox: it is they that pace a run, and not its bound.
  private var configuration: RPCConfiguration {
    var configuration = RPCConfiguration()
    configuration.busyPoll = busyPoll
    // Beside each batch there is a question; around each payload an envelope.
    let messages = scenario.senders * (scenario.window + 2)
    configuration.maximumOutboxMessages = max(configuration.maximumOutboxMessages, 2 * messages)
    configuration.maximumOutboxBytes = max(configuration.maximumOutboxBytes, 2 * messages * (scenario.payload + 256))
    return configuration
  }

  private func measure(_ env: RPCEnv, _ progress: Progress) async throws -> Measurement {
    let ref = try await env.endpointRef("rpc://\(scenario.dispatch.endpointName)@\(host)")
    let handledBefore = try await ref.ask(HandledCount())
    let recorder = Recorder(warmup: scenario.warmup, scenario.amount)
    let ticker = Task { await progress.follow(recorder, scenario) }
    defer { ticker.cancel() }
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<scenario.senders { group.addTask { await runSender(ref, recorder) } }
    }
    if let error = recorder.error { throw error }
    if scenario.kind == .oneWay {
      // Everything confirmed was handled; the receiver's own count must not be below it.
      let handled = try await ref.ask(HandledCount()) - handledBefore
      guard handled >= recorder.count else {
        throw BenchError("\(recorder.count) messages were confirmed, but the receiver counts \(handled)")
      }
    }
    guard recorder.count > 0 else { throw BenchError("no message was counted: give it more --seconds") }
    return Measurement(
      scenario: scenario, messages: recorder.count, seconds: recorder.seconds, latency: recorder.percentiles())
  }

  private func runSender(_ ref: RPCEndpointRef, _ recorder: Recorder) async {
    let (payload, window) = (scenario.payload, scenario.window)
    switch (scenario.kind, scenario.api) {
    case (.ask, .async):
      await AsyncAskSender.run(ref, payload: payload, window: window, recorder: recorder)
    case (.oneWay, .async):
      await AsyncOneWaySender.run(ref, payload: payload, window: window, recorder: recorder)
    case (.ask, .executor):
      await withTaskExecutorPreference(ref.taskExecutor) {
        await AsyncAskSender.run(ref, payload: payload, window: window, recorder: recorder)
      }
    case (.oneWay, .executor):
      await withTaskExecutorPreference(ref.taskExecutor) {
        await AsyncOneWaySender.run(ref, payload: payload, window: window, recorder: recorder)
      }
    case (.ask, .callback):
      await withCheckedContinuation { continuation in
        CallbackAskSender(ref, payload: payload, window: window, recorder: recorder) { continuation.resume() }.start()
      }
    case (.oneWay, .callback):
      await withCheckedContinuation { continuation in
        CallbackOneWaySender(ref, payload: payload, window: window, recorder: recorder) { continuation.resume() }
          .start()
      }
    }
  }
}
