/// Where a message of another process came from, and whether it wants an answer.
enum MessageOrigin: Sendable {
  /// A one-way message; its peer is nil only where there is none, as in tests.
  case oneWay(RemotePeer?)
  /// A request.
  case request(RemoteCall)

  /// The request's call; nil for a one-way message.
  var call: RemoteCall? {
    if case .request(let call) = self { call } else { nil }
  }

  /// The sender's process.
  var peer: RemotePeer? {
    switch self {
    case .oneWay(let peer): peer
    case .request(let call): call.peer
    }
  }
}

/// What references in a message are bound to: the environment that received it, and the connection it came on.
struct MessageSource: Sendable {
  let env: RPCEnv
  /// Nil when it came from the environment itself, or from a peer that listens.
  var peer: RemotePeer?
}
