internal import Mailroom

/// The endpoints that a sender's requests go to, in turn.
///
/// Owned by the sender.
struct Targets {
  private let first: RPCEndpointRef
  private let all: TargetList
  private let count: Int
  private var index = 0

  /// At least one.
  init(_ refs: [RPCEndpointRef]) {
    precondition(!refs.isEmpty, "a sender needs an endpoint")
    first = refs[0]
    all = TargetList(refs)
    count = refs.count
  }

  /// Asks the next one.
  mutating func ask(bytes: [UInt8], onReply: consuming @escaping @Sendable (borrowing RPCBytesReply) -> Void) {
    // One endpoint is the usual case, which shall not pay for the others.
    if count == 1 { return first.ask(bytes: bytes, onReply: consume onReply) }
    all[index].ask(bytes: bytes, onReply: consume onReply)
    advance()
  }

  /// The next one.
  mutating func next() -> RPCEndpointRef {
    defer { advance() }
    return all[index].ref
  }

  /// Begins elsewhere, so that senders do not all ask the same endpoint at the same time.
  func starting(at offset: Int) -> Targets {
    var targets = self
    targets.index = offset % count
    return targets
  }

  private mutating func advance() { index = index + 1 == count ? 0 : index + 1 }
}
