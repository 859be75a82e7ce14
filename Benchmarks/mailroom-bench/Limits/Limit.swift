/// What a scenario is compared with: a C program that does the same with as little code as possible; for a local scenario, the same
/// over loopback, which it should be far better than.
///
/// A reference, and no upper bound: who writes earlier than at the end of a batch can be faster.
enum Limit: String, Codable, CaseIterable {
  /// Blocking sockets, one frame to and fro.
  case blocking
  /// The same, by threads that never sleep.
  case spinning
  /// libuv, as many frames on their way as the scenario's.
  case libuv
  /// A stream of bytes in large pieces.
  case stream
  /// This program itself, with the endpoints in another process.
  case loopback

  /// Those that are C programs.
  static let programs: [Limit] = [.blocking, .spinning, .libuv, .stream]

  /// What is compared, of the program and of the limit.
  enum Quantity: String, Codable {
    /// The median round trip, in microseconds; less is better.
    case p50Microseconds
    case messagesPerSecond
    case bytesPerSecond
  }

  var quantity: Quantity {
    switch self {
    case .blocking, .spinning: .p50Microseconds
    case .libuv, .loopback: .messagesPerSecond
    case .stream: .bytesPerSecond
    }
  }

  /// For people.
  var title: String {
    switch self {
    case .blocking: "C blocking, p50"
    case .spinning: "C spinning, p50"
    case .libuv: "C libuv, messages/s"
    case .stream: "C stream, bytes/s"
    case .loopback: "loopback, messages/s"
    }
  }

  /// The limits that a scenario is measured with; the first is the one that fits best.
  ///
  /// None for several connections: these programs have one.
  static func fitting(_ scenario: Scenario, _ settings: EnvironmentSettings) -> [Limit] {
    if scenario.isLocal { return [.loopback] }
    guard scenario.connections == 1 else { return [] }
    switch scenario.kind {
    case .oneWay: return [.stream]
    case .ask where scenario.window == 1 && scenario.senders == 1:
      return settings.busyPoll > 0 ? [.spinning, .blocking] : [.blocking, .spinning]
    case .ask: return [.libuv]
    }
  }
}

/// What a limit achieved, once per round.
struct LimitResult {
  let limit: Limit
  /// In the unit of the limit's quantity.
  var values: [Double] = []
}
