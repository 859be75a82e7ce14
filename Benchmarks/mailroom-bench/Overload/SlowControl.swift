internal import Mailroom

/// Lets a ``SlowEndpoint`` hurry, past everything that waits for it.
final class SlowControl: RPCEndpoint {
  /// The name that ``OverloadServer`` registers it under.
  static let name = "overload-control"

  private let pace: SlowPace

  init(_ pace: SlowPace) { self.pace = pace }

  static func handlers(_ on: inout RPCHandlers<SlowControl>) {
    on.ask(Hurry.self) { control, _ in
      let taken = control.pace.taken
      control.pace.hurry()
      return taken
    }
  }
}

/// Asks a ``SlowControl`` to let its endpoint hurry; the answer is how many messages it had taken until then.
struct Hurry: RPCRequest, Codable {
  typealias Reply = UInt64
}
