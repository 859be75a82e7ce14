internal import Mailroom

/// Measures scenarios in turns with their limits.
struct ScenarioRun {
  let plan: RunPlan
  let settings: EnvironmentSettings
  /// Where a server listens.
  let host: String
  /// Nil to measure no limits.
  let limits: LimitClient?
  let progress: Progress

  func run(_ scenario: Scenario) async throws -> Measurement {
    let ticker = progress.ticker(scenario.title)
    defer { ticker.stop() }
    return try await with(scenario) { client in
      guard scenario.isLocal && limits != nil else { return try await measure(client, nil, ticker) }
      return try await with(scenario.overLoopback) { try await measure(client, $0, ticker) }
    }
  }

  /// Runs `body` with a client of a scenario, which is closed then.
  private func with(
    _ scenario: Scenario, _ body: (ScenarioClient) async throws -> Measurement
  ) async throws -> Measurement {
    let client = try await ScenarioClient.open(scenario, host: host, settings: settings)
    do {
      let measurement = try await body(client)
      await client.close()
      return measurement
    } catch {
      await client.close()
      throw error
    }
  }

  /// - Parameter loopback: the client of the same scenario over loopback, where that is the limit.
  private func measure(
    _ client: ScenarioClient, _ loopback: ScenarioClient?, _ ticker: Ticker
  ) async throws -> Measurement {
    let fitting = limits == nil ? [] : Limit.fitting(client.scenario, settings)
    var measurement = Measurement(scenario: client.scenario, limits: fitting.map { LimitResult(limit: $0) })
    if plan.warmup > 0 {
      _ = try await client.send(.seconds(plan.warmup))
      // The first messages to an endpoint say who it is; each has had some when counting begins.
      let endpoints = client.scenario.endpoints
      if endpoints > 1 { _ = try await client.send(.messages(2 * endpoints)) }
      _ = try await loopback?.send(.seconds(plan.warmup))
    }
    for round in 0..<plan.rounds {
      for index in measurement.limits.indices {
        let limit = measurement.limits[index].limit
        if let loopback {
          measurement.limits[index].values.append(try await loopback.round(plan.roundAmount, ticker: ticker).throughput)
        } else if let value = try await limits?.measure(limit, client.scenario, seconds: plan.limitSeconds) {
          measurement.limits[index].values.append(value)
        }
      }
      if round > 0 && plan.warmup > 0 && !fitting.isEmpty { _ = try await client.send(.seconds(plan.warmup / 10)) }
      measurement.rounds.append(try await client.round(plan.roundAmount, ticker: ticker))
    }
    let cost = try await client.cost()
    measurement.residentBytes = cost.map(\.residentBytes)
    measurement.isCounted = cost.client.isComplete && cost.server.isComplete
    return measurement
  }
}
