internal import MailroomQueue

/// What a client has of its connection: the connection itself, lent for one call without being counted.
///
/// Loop-confined.
///
/// Counting a reference is an atomic operation, and takes longer than most of what is done with each message. A structure that cannot
/// be copied is borrowed where it stands instead. Nobody counts then, so somebody else has to see to it that the connection outlives
/// the call, whatever functions of users are called in it: the link is cleared in the callback of libuv that says that the socket is
/// closed, and libuv calls that between two events, never within what the loop does for another one. As long as there is a connection
/// it refers back to its client, so that this one outlives the call, too.
struct ConnectionLink: ~Copyable {
  var connection: Connection?

  /// Whether there is none any more.
  @inline(__always)
  borrowing func isCut() -> Bool { connection == nil }

  /// As ``Connection/takesMessage(of:)``.
  @inline(__always)
  borrowing func takesMessage(of byteCount: Int) -> Bool { connection?.takesMessage(of: byteCount) ?? false }

  /// As ``Connection/sendRequest(_:_:tag:_:within:_:)``; not to be called when there is none.
  @inline(__always)
  borrowing func sendRequest(
    _ prefix: BodyPrefix, _ known: borrowing SettledMark, tag: UInt8, _ content: RawSpan, within nanoseconds: UInt64,
    _ onReply: consuming @escaping @Sendable (borrowing RPCBytesReply) -> Void
  ) {
    connection?.sendRequest(prefix, known, tag: tag, content, within: nanoseconds, consume onReply)
  }

  /// As ``Connection/sendTaken(_:_:tag:_:)``; not to be called when there is none.
  @inline(__always)
  borrowing func sendOneWay(
    _ prefix: BodyPrefix, _ known: borrowing SettledMark, tag: UInt8?, _ content: RawSpan
  ) {
    connection?.sendTaken(prefix, known, tag: tag, content)
  }

  /// As ``Connection/sendTaken(_:deadline:_:tag:_:)``; not to be called when there is none.
  @inline(__always)
  borrowing func sendRequest(
    _ sink: consuming ReplySink, deadline: MonotonicTime, _ prefix: BodyPrefix, _ content: RawSpan
  ) {
    connection?.sendTaken(consume sink, deadline: deadline, prefix, tag: nil, content)
  }

  /// As ``Connection/sendAnswer(_:tag:_:)``; not to be called when there is none.
  @inline(__always)
  borrowing func sendAnswer(_ id: Int64, tag: UInt8, _ body: RawSpan) throws(TransportError) {
    try connection?.sendAnswer(id, tag: tag, body)
  }
}
