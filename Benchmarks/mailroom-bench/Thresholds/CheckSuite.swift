/// The scenarios whose counters are checked: short, counted in messages, so that the counters are the same again and again.
enum CheckSuite {
  /// A scenario, its name, and how many messages one round counts.
  struct Entry {
    /// The name of its file.
    let name: String
    let scenario: Scenario
    let messages: Int

    /// How well its allocations repeat.
    var steadiness: ThresholdCounter.Steadiness {
      if scenario.payload >= 65_536 { return .pieces }
      return scenario.api == .callback && scenario.dispatch == .eventLoop ? .exact : .hops
    }
  }

  /// How often each is counted; the least of each counter is taken, because a disturbance only adds.
  static let rounds = 3

  static let entries: [Entry] = [
    Entry(
      name: "ping-pong-callback", scenario: ask(window: 1, .eventLoop, .callback), messages: 4000),
    Entry(name: "ping-pong-async", scenario: ask(window: 1, .eventLoop, .async), messages: 4000),
    Entry(name: "ping-pong-async-shared", scenario: ask(window: 1, .shared, .async), messages: 4000),
    Entry(name: "ask-callback", scenario: ask(window: 128, .eventLoop, .callback), messages: 100_000),
    Entry(name: "ask-async", scenario: ask(window: 128, .eventLoop, .async), messages: 50_000),
    Entry(name: "ask-async-shared", scenario: ask(window: 128, .shared, .async), messages: 50_000),
    Entry(
      name: "ask-async-shared-local", scenario: ask(window: 128, .shared, .async, isLocal: true), messages: 100_000),
    Entry(name: "ask-64k-callback", scenario: ask(65_536, window: 16, .eventLoop, .callback), messages: 3000),
    Entry(name: "one-way-callback", scenario: oneWay(window: 8192, .eventLoop, .callback), messages: 300_000),
    Entry(name: "one-way-async-shared", scenario: oneWay(window: 8192, .shared, .async), messages: 300_000),
    Entry(name: "one-way-1k-callback", scenario: oneWay(1024, window: 2048, .eventLoop, .callback), messages: 60_000),
    Entry(name: "one-way-1m-callback", scenario: oneWay(1 << 20, window: 16, .eventLoop, .callback), messages: 160),
  ]

  private static func ask(
    _ payload: Int = 16, window: Int, _ dispatch: Dispatch, _ api: API, isLocal: Bool = false
  ) -> Scenario {
    Scenario(kind: .ask, payload: payload, window: window, dispatch: dispatch, api: api, isLocal: isLocal)
  }

  private static func oneWay(_ payload: Int = 16, window: Int, _ dispatch: Dispatch, _ api: API) -> Scenario {
    Scenario(kind: .oneWay, payload: payload, window: window, dispatch: dispatch, api: api)
  }
}
