internal import Mailroom

/// Measures the latencies of asks against a server.
struct LatencyRun {
  /// The parts of the most that the open loop asks at.
  static let loads = [0.10, 0.50, 0.80, 0.95]
  static let windows = [1, 8, 128, 1024]

  let payload: Int
  let dispatch: Dispatch
  /// Of each row.
  let seconds: Double
  let settings: EnvironmentSettings
  let host: String
  let progress: Progress

  /// With so many asks on their way at a time.
  func closedLoop() async throws -> [LatencyReport.Closed] {
    let plan = RunPlan(rounds: 1, amount: .seconds(seconds), warmup: 0.3)
    let run = ScenarioRun(plan: plan, settings: settings, host: host, limits: nil, progress: progress)
    var rows: [LatencyReport.Closed] = []
    for window in Self.windows {
      let result = try await run.run(
        Scenario(kind: .ask, payload: payload, window: window, dispatch: dispatch, api: .callback))
      rows.append(.init(window: window, throughput: result.throughput.median, latencyMicroseconds: result.latency))
    }
    return rows
  }

  /// At so many asks per second; when none are named, at parts of the most there can be.
  func openLoop(rates: [Double]) async throws -> [LatencyReport.Open] {
    let env = try await RPCEnv.client(name: "latency-client", configuration: settings.configuration)
    do {
      let ref = try await env.endpointRef("rpc://\(dispatch.endpointName)@\(host)")
      let rows = try await openLoop(ref, rates)
      await env.shutdown()
      return rows
    } catch {
      await env.shutdown()
      throw error
    }
  }

  private func openLoop(_ ref: RPCEndpointRef, _ rates: [Double]) async throws -> [LatencyReport.Open] {
    _ = try await row(ref, .most(window: 128), seconds: 0.3)
    if !rates.isEmpty {
      var rows: [LatencyReport.Open] = []
      for rate in rates { rows.append(try await row(ref, .rate(rate), seconds: seconds)) }
      return rows
    }
    let most = try await row(ref, .most(window: 1024), seconds: min(seconds, 2))
    var rows: [LatencyReport.Open] = []
    for load in Self.loads {
      var row = try await row(ref, .rate(load * most.throughput), seconds: seconds)
      row.load = load
      rows.append(row)
    }
    return rows
  }

  private func row(
    _ ref: RPCEndpointRef, _ pace: OpenLoopSender.Pace, seconds: Double
  ) async throws -> LatencyReport.Open {
    var rate: Double?
    if case .rate(let asked) = pace { rate = asked }
    progress.note("open loop, \(rate.map { Format.count($0) + " asks/s" } ?? "as fast as possible") …")
    let recorder = Recorder(.seconds(seconds))
    let sender = OpenLoopSender(ref, payload: payload, pace: pace, seconds: seconds, recorder: recorder)
    let result = await sender.run()
    if let error = recorder.error { throw error }
    return LatencyReport.Open(
      rate: rate, throughput: recorder.seconds > 0 ? Double(recorder.count) / recorder.seconds : 0,
      refused: result.refused, latenessMicroseconds: result.lateness, latencyMicroseconds: recorder.percentiles())
  }
}
