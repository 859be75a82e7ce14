internal import Mailroom

/// Takes numbered messages at a limited rate, by blocking its thread, and checks that none is missing.
///
/// For a thread of its own.
final class SlowEndpoint: RPCEndpoint {
  /// The name that ``OverloadServer`` registers it under.
  static let name = "overload-slow"
  /// The longest that being told to hurry is not noticed, in nanoseconds.
  private static let nap: UInt64 = 20_000_000
  /// How late a message may be taken without lowering the rate, in nanoseconds: sleeping lasts a little too long.
  private static let slack: UInt64 = 20_000_000

  private let pace: SlowPace
  private var arrivals = Arrivals()
  /// When the next message may be taken.
  private var next: UInt64 = 0

  init(_ pace: SlowPace) { self.pace = pace }

  static func handlers(_ on: inout RPCHandlers<SlowEndpoint>) {
    on.receiveBytes { endpoint, bytes in endpoint.take(bytes) }
    on.ask(ArrivalsSoFar.self) { endpoint, _ in endpoint.arrivals }
  }

  private func take(_ bytes: RawSpan) {
    arrivals.add(NumberedMessage.number(of: bytes))
    pace.didTake()
    // What was not used of the rate while nothing came is lost.
    next = max(next, Clock.now - Self.slack) + pace.interval
    while !pace.isHurried, case let now = Clock.now, now < next {
      Clock.block(until: min(next, now + Self.nap))
    }
  }
}

/// Asks a ``SlowEndpoint`` what it has got: comes behind what was sent before it.
struct ArrivalsSoFar: RPCRequest, Codable {
  typealias Reply = Arrivals
}
