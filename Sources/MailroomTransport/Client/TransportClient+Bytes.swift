package import MailroomQueue

/// Sending what is there as bytes already, on the loop: straight into the out-buffer.
extension TransportClient {
  /// Whether a request or one-way message with a body of `byteCount` bytes is certainly taken right now; on the loop's thread only.
  package func takesMessage(of byteCount: Int) -> Bool { link.value.takesMessage(of: byteCount) }

  /// Sends a request whose body is `prefix`, the byte `tag`, and `content`, and which has this long from when the loop's current tick began; on the loop's
  /// thread only, and only after ``takesMessage(of:)``.
  ///
  /// The reply is given the asker of the connection's handler. What `known` says of the prefix stands for that of the prefix itself, and
  /// is brought up to date.
  package func sendTaken(
    _ prefix: BodyPrefix, _ known: borrowing SettledMark, tag: UInt8, _ content: RawSpan, within nanoseconds: UInt64,
    _ onReply: consuming @escaping @Sendable (borrowing RPCBytesReply) -> Void
  ) {
    link.value.sendRequest(prefix, known, tag: tag, content, within: nanoseconds, consume onReply)
  }

  /// Sends a one-way message whose body is `prefix`, the byte `tag`, and `content`; on the loop's thread only, and only after
  /// ``takesMessage(of:)``.
  package func sendTaken(
    _ prefix: BodyPrefix, _ known: borrowing SettledMark, tag: UInt8, _ content: RawSpan
  ) {
    link.value.sendOneWay(prefix, known, tag: tag, content)
  }

  /// Sends a request whose body is `prefix`, the byte `tag`, and `content`; on the loop's thread only.
  ///
  /// - Throws: ``TransportError`` with ``TransportError/Reason/tooLarge`` or ``TransportError/Reason/full``; `sink` is not told then.
  package func sendRPC(
    _ sink: consuming ReplySink, deadline: MonotonicTime, _ prefix: BodyPrefix, tag: UInt8, _ content: RawSpan
  ) throws(TransportError) {
    guard let connection else { return sink.fail(closedError) }
    try connection.sendRequest(consume sink, deadline: deadline, prefix, tag: tag, content)
  }

  /// Sends a one-way message whose body is `prefix`, the byte `tag`, and `content`; on the loop's thread only.
  ///
  /// - Throws: ``TransportError`` with ``TransportError/Reason/tooLarge`` or ``TransportError/Reason/full``.
  package func send(_ prefix: BodyPrefix, tag: UInt8, _ content: RawSpan) throws(TransportError) {
    guard let connection else { return didDrop(.oneWay) }
    try connection.sendOneWay(prefix, tag: tag, content)
  }

  /// Sends a request whose body is `prefix` and `content`; on the loop's thread only.
  ///
  /// `sink` is told when it cannot be sent.
  package func sendRPC(
    _ sink: consuming ReplySink, deadline: MonotonicTime, _ prefix: BodyPrefix, _ content: RawSpan
  ) {
    if takesMessage(of: prefix.byteCount + content.byteCount) {
      return link.value.sendRequest(consume sink, deadline: deadline, prefix, content)
    }
    guard let connection else { return sink.fail(closedError) }
    do throws(TransportError) {
      try connection.sendRequest(copy sink, deadline: deadline, prefix, tag: nil, content)
    } catch {
      sink.fail(error)
    }
  }

  /// Sends a one-way message whose body is `prefix` and `content`; as ``send(_:tag:_:)``.
  ///
  /// - Throws: likewise.
  package func send(_ prefix: BodyPrefix, _ content: RawSpan) throws(TransportError) {
    if takesMessage(of: prefix.byteCount + content.byteCount) {
      return link.value.sendOneWay(prefix, prefix.settled, tag: nil, content)
    }
    guard let connection else { return didDrop(.oneWay) }
    try connection.sendOneWay(prefix, tag: nil, content)
  }

  /// Answers a request of the peer with a body that is the byte `tag` and `body`; as ``respond(_:_:)``.
  ///
  /// - Throws: ``TransportError`` with ``TransportError/Reason/tooLarge``: the request still wants an answer then.
  package func respond(_ requestID: Int64, tag: UInt8, _ body: RawSpan) throws(TransportError) {
    if !loop.isCurrent { return try respondFromElsewhere(requestID, tag: tag, body) }
    if link.value.isCut() { return didDrop(.answer) }
    try link.value.sendAnswer(requestID, tag: tag, body)
  }

  /// As ``respond(_:tag:_:)``, on another thread than the loop's.
  @inline(never)
  private func respondFromElsewhere(_ requestID: Int64, tag: UInt8, _ body: RawSpan) throws(TransportError) {
    let length = FrameFormat.rpcOverhead + 1 + body.byteCount
    if length <= AnswerBuffer.longestFrame && length <= configuration.longestFrame {
      return postAnswer(requestID, size: length) { $0.appendResponse(id: requestID, tag: tag, body) }
    }
    try respond(requestID) {
      $0.append(tag)
      $0.append(body)
    }
  }
}
