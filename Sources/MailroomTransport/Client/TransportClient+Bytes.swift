package import MailroomQueue

/// Sending what is there as bytes already, on the loop: straight into the out-buffer.
extension TransportClient {
  /// When the loop's current tick began, or a little later; on the loop's thread only.
  package var tickTime: MonotonicTime { loop.core.value.tickTime }

  /// Sends a request whose body is `prefix`, the byte `tag`, and `content`; on the loop's thread only.
  ///
  /// - Throws: ``TransportError`` with ``TransportError/Reason/tooLarge`` or ``TransportError/Reason/full``; `sink` is not told then.
  package func sendRPC(
    _ sink: consuming ReplySink, deadline: MonotonicTime, _ prefix: BodyPrefix, tag: UInt8, _ content: RawSpan
  ) throws(TransportError) {
    guard let connection = connection.copy else { return sink.fail(closedError) }
    try connection.sendRequest(consume sink, deadline: deadline, prefix, tag: tag, content)
  }

  /// Sends a one-way message whose body is `prefix`, the byte `tag`, and `content`; on the loop's thread only.
  ///
  /// - Throws: ``TransportError`` with ``TransportError/Reason/tooLarge`` or ``TransportError/Reason/full``.
  package func send(_ prefix: BodyPrefix, tag: UInt8, _ content: RawSpan) throws(TransportError) {
    guard let connection = connection.copy else { return didDrop(.oneWay) }
    try connection.sendOneWay(prefix, tag: tag, content)
  }

  /// Answers a request of the peer with a body that is the byte `tag` and `body`; as ``respond(_:_:)``.
  ///
  /// - Throws: ``TransportError`` with ``TransportError/Reason/tooLarge``: the request still wants an answer then.
  package func respond(_ requestID: Int64, tag: UInt8, _ body: RawSpan) throws(TransportError) {
    guard loop.isCurrent else {
      let length = FrameFormat.rpcOverhead + 1 + body.byteCount
      if length <= AnswerBuffer.longestFrame && length <= configuration.longestFrame {
        return postAnswer(requestID, size: length) { $0.appendResponse(id: requestID, tag: tag, body) }
      }
      return try respond(requestID) {
        $0.append(tag)
        $0.append(body)
      }
    }
    guard let connection = connection.copy else { return didDrop(.answer) }
    try connection.sendAnswer(requestID, tag: tag, body)
  }
}
