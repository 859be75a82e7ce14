/// Where a message of another process came from, and whether it wants an answer.
struct MessageOrigin: Sendable {
  /// The request's call; nil for a one-way message.
  var call: RemoteCall?
  /// What references in the message are bound to; nil only in tests.
  let source: MessageSource?

  /// A one-way message.
  static func oneWay(_ source: MessageSource?) -> MessageOrigin { MessageOrigin(call: nil, source: source) }

  /// A request.
  static func request(_ call: RemoteCall) -> MessageOrigin { MessageOrigin(call: call, source: call.source) }
}

/// What references in a message are bound to: the environment that received it, and the connection it came on.
///
/// An object, so that many messages share one.
final class MessageSource: Sendable {
  let env: RPCEnv
  /// Nil when it came from the environment itself; a source of requests has one.
  let peer: RemotePeer?

  init(env: RPCEnv, peer: RemotePeer? = nil) {
    self.env = env
    self.peer = peer
  }
}
