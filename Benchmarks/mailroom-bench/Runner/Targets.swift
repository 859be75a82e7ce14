internal import Mailroom

/// The endpoints that a sender's requests go to, in turn.
///
/// Owned by the sender.
struct Targets {
  private let first: RPCEndpointRef
  private let others: [RPCEndpointRef]
  private var index = 0

  /// At least one.
  init(_ refs: [RPCEndpointRef]) {
    precondition(!refs.isEmpty, "a sender needs an endpoint")
    first = refs[0]
    others = refs.count > 1 ? refs : []
  }

  /// Asks the next one.
  mutating func ask(bytes: [UInt8], onReply: consuming @escaping @Sendable (borrowing RPCBytesReply) -> Void) {
    // One endpoint is the usual case, which shall not pay for the others.
    guard !others.isEmpty else { return first.ask(bytes: bytes, onReply: consume onReply) }
    others[index].ask(bytes: bytes, onReply: consume onReply)
    advance()
  }

  /// The next one.
  mutating func next() -> RPCEndpointRef {
    guard !others.isEmpty else { return first }
    defer { advance() }
    return others[index]
  }

  /// Begins elsewhere, so that senders do not all ask the same endpoint at the same time.
  func starting(at offset: Int) -> Targets {
    var targets = self
    if !others.isEmpty { targets.index = offset % others.count }
    return targets
  }

  private mutating func advance() { index = index + 1 == others.count ? 0 : index + 1 }
}
