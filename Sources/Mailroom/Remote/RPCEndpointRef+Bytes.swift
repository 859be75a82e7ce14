internal import MailroomQueue
internal import MailroomTransport

/// How raw bytes leave: as messages do, but with nothing to encode, and so with nothing between the reference and the connection.
///
/// What a reference shares with its copies has all that is needed of the route, so that neither the route nor its prefix is touched: of
/// many endpoints each object is another place in memory.
extension RPCEndpointRef.Storage {
  /// Whether raw bytes may go straight over the open connection to an endpoint of another process.
  ///
  /// An outbox that is open has no other one in its place.
  @inline(__always)
  func isOpenHere(for bytes: RawSpan) -> Bool {
    (outbox?.isOpenHere(for: prefixLength + 1 + bytes.byteCount) ?? false) && !env.isStopped
  }

  /// Asks with raw bytes straight over the open connection; only after ``isOpenHere(for:)``.
  @inline(__always)
  func askDirectly(
    _ bytes: RawSpan, _ onReply: consuming @escaping @Sendable (borrowing RPCBytesReply) -> Void
  ) {
    outbox?.open.value.ask(prefix, mark, bytes, within: env.askTimeoutNanoseconds, consume onReply)
  }

  /// Sends raw bytes straight over the open connection; only after ``isOpenHere(for:)``.
  @inline(__always)
  func sendDirectly(_ bytes: RawSpan) { outbox?.open.value.send(prefix, mark, bytes) }

  /// Asks an endpoint of another process; refuses the ask when the request goes nowhere.
  func start(_ bytes: RawSpan, _ ask: RemoteAsk, _ limit: AskLimit) {
    do throws(RPCError) {
      // Not unwrapped, for that would count what is wrapped.
      try route?.ask(bytes, limit, .receiver(ask), in: env)
    } catch {
      ask.refuse(error)
    }
  }
}

/// How raw bytes go to an endpoint of another process, whatever the state of its connection.
///
/// A part of the route, which whoever sends has at hand without counting it.
extension RemoteRoute {
  /// Asks with raw bytes.
  ///
  /// - Parameters:
  ///   - limit: nil for the configuration's timeout, from now on.
  ///   - env: the asker's.
  ///   - home: the route that this one stands in for, as an alias's.
  /// - Throws: ``RPCError`` when the request goes nowhere; `sink` is not told then.
  func ask(
    _ bytes: RawSpan, _ limit: AskLimit?, _ sink: consuming ReplySink, in env: RPCEnv, of home: RemoteRoute? = nil
  ) throws(RPCError) {
    if env.isStopped { throw .envStopped }
    if home == nil && outbox.isAlias {
      let current = current
      if current !== self { return try current.ask(bytes, limit, consume sink, in: env, of: self) }
    }
    if let client = outbox.directClient(for: self) {
      do throws(TransportError) {
        let deadline = limit?.deadline ?? .now.advanced(byNanoseconds: env.askTimeoutNanoseconds)
        return try client.sendRPC(consume sink, deadline: deadline, prefix, tag: Content.raw, bytes)
      } catch {
        throw RPCError(error)
      }
    }
    let limit = limit ?? AskLimit(nil, env)
    try post(bytes, consume sink, deadline: limit.deadline, overhead: FrameFormat.rpcOverhead, in: env, of: home)
  }

  /// Sends raw bytes; the parameters are as those of ``ask(_:_:_:in:of:)``.
  func send(_ bytes: RawSpan, in env: RPCEnv, of home: RemoteRoute? = nil) throws(RPCError) {
    if env.isStopped { throw .envStopped }
    if home == nil && outbox.isAlias {
      let current = current
      if current !== self { return try current.send(bytes, in: env, of: self) }
    }
    if let client = outbox.directClient(for: self) {
      do throws(TransportError) {
        return try client.send(prefix, tag: Content.raw, bytes)
      } catch {
        throw RPCError(error)
      }
    }
    try post(bytes, nil, deadline: .distantFuture, overhead: FrameFormat.oneWayOverhead, in: env, of: home)
  }

  /// Counts raw bytes in and queues them.
  @inline(__always)
  private func post(
    _ bytes: RawSpan, _ sink: consuming ReplySink?, deadline: MonotonicTime, overhead: Int, in env: RPCEnv,
    of home: RemoteRoute?
  ) throws(RPCError) {
    try outbox.checkForRefusal()
    let count = 1 + bytes.byteCount
    try check(count, overhead, env)
    try admit(byteCount: count)
    if count <= OutboxBatch.longestContent {
      return outbox.post(tag: Content.raw, bytes, consume sink, deadline: deadline, to: self, of: home)
    }
    var content = ByteWriter(capacity: count)
    content.append(Content.raw)
    content.append(bytes)
    outbox.post(OutboxMessage(content, to: self, of: home, consume sink, deadline: deadline))
  }

  /// Encodes a message's content but for the head, and counts it in, with the head.
  func admitted(
    _ head: MessageHead?, overhead: Int, in env: RPCEnv, _ encode: (inout ByteWriter) throws(RPCError) -> Void
  ) throws(RPCError) -> ByteWriter {
    try outbox.checkForRefusal()
    // Encoding is in vain when there is no room.
    if gauge.isFull { throw full }
    var content = ByteWriter()
    try encode(&content)
    let count = content.count + head.size
    try check(count, overhead, env)
    try admit(byteCount: count)
    return content
  }

  /// Checks that a content of so many bytes fits the longest frame.
  @inline(__always)
  private func check(_ count: Int, _ overhead: Int, _ env: RPCEnv) throws(RPCError) {
    // With the whole envelope: whether a number stands for it is not known here.
    let length = overhead + prefix.byteCount + count
    let limit = env.configuration.transport.maximumFrameLength
    if length > limit { throw tooLarge(length, limit) }
  }

  private func tooLarge(_ length: Int, _ limit: Int) -> RPCError {
    RPCError(.tooLarge, "the message takes \(length) bytes, the limit is \(limit)", execution: .notExecuted)
  }
}
