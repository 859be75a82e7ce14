internal import MailroomQueue
internal import MailroomTransport

/// The connection of an outbox while messages may go straight to it, lent for one call without being counted.
///
/// Loop-confined.
///
/// Whoever sends asks ``takesMessage(of:)`` first. If that is so the client has its connection, and the two outlive the call whatever
/// becomes of the outbox in it.
struct OpenClient: ~Copyable {
  var client: TransportClient?

  /// As ``TransportClient/takesMessage(of:)``.
  @inline(__always)
  borrowing func takesMessage(of byteCount: Int) -> Bool { client?.takesMessage(of: byteCount) ?? false }

  /// Sends a request of raw bytes that has this long from when the loop's current tick began.
  @inline(__always)
  borrowing func ask(
    _ prefix: BodyPrefix, _ known: borrowing SettledMark, _ bytes: RawSpan, within nanoseconds: UInt64,
    _ onReply: consuming @escaping @Sendable (borrowing RPCBytesReply) -> Void
  ) {
    client?.sendTaken(prefix, known, tag: Content.raw, bytes, within: nanoseconds, consume onReply)
  }

  /// Sends a one-way message of raw bytes.
  @inline(__always)
  borrowing func send(_ prefix: BodyPrefix, _ known: borrowing SettledMark, _ bytes: RawSpan) {
    client?.sendTaken(prefix, known, tag: Content.raw, bytes)
  }
}
