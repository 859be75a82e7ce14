internal import ArgumentParser
internal import Mailroom

/// What is sent.
enum Kind: String, ExpressibleByArgument, CaseIterable {
  /// Messages without an answer.
  case oneWay = "one-way"
  /// Requests and their answers.
  case ask
}

/// Where the far handler runs.
enum Dispatch: String, ExpressibleByArgument, CaseIterable {
  case shared, dedicated
  case eventLoop = "event-loop"

  /// The name of the server's endpoint that runs there.
  var endpointName: String { "bench-\(rawValue)" }

  /// The library's name for it.
  var dispatch: RPCDispatch {
    switch self {
    case .shared: .shared
    case .dedicated: .dedicated()
    case .eventLoop: .eventLoop
    }
  }
}

/// How the sender uses the library.
enum API: String, ExpressibleByArgument, CaseIterable {
  /// From ordinary tasks.
  case async
  /// From functions that the event loop calls.
  case callback
  /// From tasks that run on the event loop.
  case executor
}

/// How much is measured.
enum Amount {
  case messages(Int)
  case seconds(Double)
}

/// One measurement.
struct Scenario {
  var kind: Kind
  /// Bytes of a message.
  var payload: Int
  /// Messages of one sender that are on their way at a time.
  ///
  /// For one-way messages: sent and not yet confirmed as handled.
  var window: Int
  var dispatch: Dispatch
  var api: API
  var senders = 1
  var amount = Amount.seconds(3)
  /// Seconds before counting begins.
  var warmup = 0.5

  var name: String { kind == .ask && window == 1 ? "ping-pong" : kind.rawValue }
}
