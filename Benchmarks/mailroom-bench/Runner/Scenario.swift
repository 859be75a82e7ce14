internal import ArgumentParser
internal import Mailroom

/// What is sent.
enum Kind: String, ExpressibleByArgument, CaseIterable, Codable {
  /// Messages without an answer.
  case oneWay = "one-way"
  /// Requests and their answers.
  case ask
}

/// Where the far handler runs.
enum Dispatch: String, ExpressibleByArgument, CaseIterable, Codable {
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
enum API: String, ExpressibleByArgument, CaseIterable, Codable {
  /// From ordinary tasks.
  case async
  /// From functions that the event loop calls.
  case callback
  /// From tasks that run on the event loop.
  case executor
}

/// What is measured: its numbers say something about other runs of the same scenario, and about nothing else.
struct Scenario: Equatable, Sendable {
  var kind: Kind
  /// Bytes of a message.
  var payload: Int
  /// Messages of one sender that are on their way at a time.
  ///
  /// For one-way messages: sent and not yet confirmed as handled.
  var window: Int
  var dispatch: Dispatch
  var api: API
  /// Senders at the same time, on each connection.
  var senders = 1
  var connections = 1
  /// Endpoints that a sender's requests go to in turn.
  var endpoints = 1
  /// Whether the endpoints are of the sender's own environment, so that nothing leaves the process.
  var isLocal = false

  var name: String { kind == .ask && window == 1 ? "ping-pong" : kind.rawValue }

  /// One line for people, with what is not usual.
  var title: String {
    var parts = ["\(name) \(Format.bytes(payload)), window \(window), \(dispatch.rawValue), \(api.rawValue)"]
    if senders > 1 { parts.append("\(senders) senders") }
    if connections > 1 { parts.append("\(connections) connections") }
    if endpoints > 1 { parts.append("\(endpoints) endpoints") }
    if isLocal { parts.append("local") }
    return parts.joined(separator: ", ")
  }

  /// The options that ask for it.
  var arguments: [String] {
    [
      "--scenario", kind.rawValue, "--payload", "\(payload)", "--window", "\(window)", "--dispatch", dispatch.rawValue,
      "--api", api.rawValue, "--senders", "\(senders)", "--connections", "\(connections)", "--endpoints",
      "\(endpoints)",
    ] + (isLocal ? ["--local"] : [])
  }

  /// The same with the endpoints in another process.
  var overLoopback: Scenario {
    var scenario = self
    scenario.isLocal = false
    return scenario
  }
}

/// How long a scenario is measured.
struct RunPlan: Sendable {
  /// How many times, in turns with the limits.
  var rounds = 5
  /// Over all rounds.
  var amount = Amount.seconds(3)
  /// Seconds before the first round; before the others there are a tenth, because the limits ran in between.
  var warmup = 0.5

  /// What one round counts.
  var roundAmount: Amount {
    switch amount {
    case .messages(let count): .messages((count + rounds - 1) / rounds)
    case .seconds(let seconds): .seconds(seconds / Double(rounds))
    }
  }

  /// Seconds of a limit's measurement in a round.
  var limitSeconds: Double {
    switch roundAmount {
    case .messages: 0.2
    case .seconds(let seconds): min(max(seconds / 2, 0.05), 1)
    }
  }
}

/// How much is measured.
enum Amount: Sendable {
  case messages(Int)
  case seconds(Double)
}
