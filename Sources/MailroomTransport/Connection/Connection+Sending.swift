internal import MailroomQueue

// Sending what is there as bytes already: straight into the out-buffer, through no function of others, and so without the
// precautions that ``append(_:)`` takes.

extension Connection {
  /// Whether a request or one-way message with a body of `byteCount` bytes is taken right now.
  ///
  /// The longest ones are not said to be: whoever sends them has to be told of their length.
  @inline(__always)
  func takesMessage(of byteCount: Int) -> Bool {
    takesMore && isWritable && !pending.value.isFull
      && byteCount <= longestFrame - FrameFormat.timedRPCOverhead
  }

  /// Sends a request that has this long from when the tick began; only after ``takesMessage(of:)``.
  ///
  /// That is exact enough for a timeout that nobody gave, and reading a clock takes as long as a message.
  @inline(__always)
  func sendRequest(
    _ prefix: BodyPrefix, _ known: borrowing SettledMark, tag: UInt8, _ content: RawSpan, within nanoseconds: UInt64,
    _ onReply: consuming @escaping @Sendable (borrowing RPCBytesReply) -> Void
  ) {
    let mark = mark(of: prefix, known)
    let deadline = core.tickTime.advanced(byNanoseconds: nanoseconds)
    let id = pending.value.add(.plainBytes(consume onReply), deadline: deadline)
    if deadline < sweepsAt { armSweep() }
    let tellsTime = hasExtensions && deadline != .distantFuture
    markDirty()
    out.value.collecting.appendRequest(
      id: id, nanosecondsLeft: tellsTime ? max(1, Int64(clamping: nanoseconds)) : nil, mark, prefix, tag: tag,
      content)
    flushIfDue()
  }

  /// Sends a one-way message; only after ``takesMessage(of:)``.
  @inline(__always)
  func sendTaken(_ prefix: BodyPrefix, _ known: borrowing SettledMark, tag: UInt8?, _ content: RawSpan) {
    let mark = mark(of: prefix, known)
    markDirty()
    out.value.collecting.appendOneWay(mark, prefix, tag: tag, content)
    flushIfLarge()
  }

  /// Sends a request whose body is `prefix`, the byte `tag` if there is one, and `content`.
  ///
  /// - Throws: ``TransportError`` with ``TransportError/Reason/full`` or ``TransportError/Reason/tooLarge``, and then `sink` is not
  ///   told.
  @inline(__always)
  func sendRequest(
    _ sink: consuming ReplySink, deadline: MonotonicTime, _ prefix: BodyPrefix, tag: UInt8?, _ content: RawSpan
  ) throws(TransportError) {
    if !isWritable && acceptsRequests { throw client.fullError }
    // Thrown, so that who asks is not told within the call.
    if isPendingFull { throw pendingFullError }
    let length = FrameFormat.rpcOverhead + prefix.byteCount + (tag == nil ? 0 : 1) + content.byteCount
    if length > longestFrame { throw client.tooLargeError(length: length) }
    sendTaken(consume sink, deadline: deadline, prefix, tag: tag, content)
  }

  /// As ``sendRequest(_:deadline:_:tag:_:)``, a request that is not too long for a frame; only while there is room for it.
  @inline(__always)
  func sendTaken(
    _ sink: consuming ReplySink, deadline: MonotonicTime, _ prefix: BodyPrefix, tag: UInt8?, _ content: RawSpan
  ) {
    let length = FrameFormat.timedRPCOverhead + prefix.byteCount + (tag == nil ? 0 : 1) + content.byteCount
    let mark = mark(of: prefix)
    let isObject = sink.isObject
    guard let id = register(consume sink, deadline: deadline) else { return }
    // One that fits only without its deadline is sent without.
    let tellsTime = hasExtensions && deadline != .distantFuture && length <= longestFrame
    markDirty()
    out.value.collecting.appendRequest(
      id: id, nanosecondsLeft: tellsTime ? nanosecondsLeft(until: deadline) : nil, mark, prefix, tag: tag,
      content)
    if isObject { announce(id) }
    flushIfDue()
  }

  /// Sends a one-way message whose body is `prefix`, the byte `tag` if there is one, and `content`.
  ///
  /// - Throws: ``TransportError`` with ``TransportError/Reason/full`` or ``TransportError/Reason/tooLarge``.
  @inline(__always)
  func sendOneWay(_ prefix: BodyPrefix, tag: UInt8?, _ content: RawSpan) throws(TransportError) {
    guard acceptsRequests else { return client.didDrop(.oneWay) }
    if !isWritable { throw client.fullError }
    let length = FrameFormat.oneWayOverhead + prefix.byteCount + (tag == nil ? 0 : 1) + content.byteCount
    if length > longestFrame { throw client.tooLargeError(length: length) }
    sendTaken(prefix, prefix.settled, tag: tag, content)
  }

  /// Answers a request of the peer with a body that is the byte `tag` and `body`.
  ///
  /// - Throws: ``TransportError`` with ``TransportError/Reason/tooLarge``: the request still wants an answer then.
  func sendAnswer(_ id: Int64, tag: UInt8, _ body: RawSpan) throws(TransportError) {
    guard acceptsAnswers else { return client.didDrop(.answer) }
    if client.abandonment.takeCancelled(id) { return didAnswer() }
    let length = FrameFormat.rpcOverhead + 1 + body.byteCount
    if length > longestFrame { throw client.answerTooLargeError(length: length) }
    markDirty()
    out.value.collecting.appendResponse(id: id, tag: tag, body)
    client.abandonment.forgetWatchers(id)
    flushIfLarge()
    didAnswer()
  }
}
