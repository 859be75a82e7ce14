/// A message in an inbox.
///
/// Kept small, since every message of a user is moved through one: what is rare and large is in a box.
enum InboxMessage: ~Copyable, Sendable {
  case start(InboxStart)
  case stop
  /// A message of another process, and the bytes it is counted with; zero if it is not counted.
  case remote(content: [UInt8], MessageOrigin, bytes: Int = 0)
  /// A typed message of another process whose handler is known, see ``TypeHandlers``: what follows the head, and the bytes that it is
  /// counted with.
  case typed(value: [UInt8], MessageOrigin, handler: Int32, bytes: Int32)
  /// Messages of another process, counted as ``RemoteBatch/size(of:)`` says.
  case batch(RemoteBatch)
  /// A message of the same environment, and the bytes it is counted with; zero if it is not counted.
  case local(any LocalMessage, bytes: Int = 0)
  /// A one-way message of raw bytes of the same environment, counted as ``size(of:)`` says.
  case bytes([UInt8])
  /// A request of raw bytes of the same environment, counted likewise.
  ///
  /// Its call is made when it is handled, so that one thread allocates and frees it. Should the message be dropped before, its
  /// asker waits for the deadline.
  case bytesRequest([UInt8], LocalBytesAsk)
  /// Something about a connection.
  case event(PeerEvent)

  /// Whether a concurrent endpoint may handle it beside others.
  var isShareable: Bool {
    switch self {
    case .start: false
    case .stop: false
    case .remote: true
    case .typed: true
    case .batch: false
    case .local: true
    case .bytes: true
    case .bytesRequest: true
    case .event: true
    }
  }

  /// What raw bytes count in an inbox.
  static func size(of bytes: [UInt8]) -> Int { max(1, bytes.count) }
}

/// What OnStart brings along.
final class InboxStart: Sendable {
  /// The reference to the endpoint.
  let me: RPCEndpointRef

  init(_ me: RPCEndpointRef) { self.me = me }
}
