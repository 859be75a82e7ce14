/// How something grows, and what it is measured at.
struct ScalingSeries {
  /// One measurement.
  struct Point {
    /// The value of what grows, for people.
    let label: String
    let scenario: Scenario
    var settings = EnvironmentSettings()
  }

  let title: String
  let points: [Point]
}

/// All that is measured: one thing grows at a time.
enum ScalingPlan {
  static let series = [
    connectionsOfTheirOwn, connectionsThatShare, endpoints, senders, eventLoops, payloads,
  ]

  private static let base = Scenario(kind: .ask, payload: 16, window: 128, dispatch: .eventLoop, api: .callback)

  /// Every connection brings asks of its own: more of them cost memory and cache, and batches stay as large as they are.
  private static let connectionsOfTheirOwn = ScalingSeries(
    title: "connections, 128 asks each",
    points: [1, 10, 100, 1000].map { count in
      point(count) { $0.connections = count }
    })

  /// The same asks over more connections: batches become small, which costs system calls.
  private static let connectionsThatShare = ScalingSeries(
    title: "connections, 1000 asks in all",
    points: [1, 10, 100, 1000].map { count in
      point(count) {
        $0.connections = count
        $0.window = 1000 / count
      }
    })

  /// Every request goes to another endpoint than the one before.
  private static let endpoints = ScalingSeries(
    title: "endpoints, asked in turn",
    points: [1, 1000, 100_000].map { count in point(count) { $0.endpoints = count } })

  private static let senders = ScalingSeries(
    title: "senders, 128 tasks each, shared",
    points: [1, 2, 4, 8].map { count in
      point(count) {
        $0.senders = count
        $0.dispatch = .shared
        $0.api = .async
      }
    })

  private static let eventLoops = ScalingSeries(
    title: "event loops, 8 connections",
    points: [1, 2].map { count in
      var point = point(count) { $0.connections = 8 }
      point.settings.eventLoops = count
      return point
    })

  /// At most 16 MiB are on their way.
  private static let payloads = ScalingSeries(
    title: "bytes of a message",
    points: [0, 16, 256, 4096, 65_536, 1 << 20, 16 << 20].map { bytes in
      var scenario = base
      scenario.payload = bytes
      scenario.window = max(1, min(base.window, (16 << 20) / max(1, bytes)))
      return ScalingSeries.Point(label: Format.bytes(bytes), scenario: scenario)
    })

  private static func point(_ count: Int, _ change: (inout Scenario) -> Void) -> ScalingSeries.Point {
    var scenario = base
    change(&scenario)
    return ScalingSeries.Point(label: "\(count)", scenario: scenario)
  }
}
