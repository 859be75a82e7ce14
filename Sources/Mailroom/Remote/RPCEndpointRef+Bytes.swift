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

  /// Asks with raw bytes.
  ///
  /// - Parameters:
  ///   - route: the way there.
  ///   - home: the route that this one stands in for, as an alias's.
  ///   - limit: nil for the configuration's timeout, from now on.
  /// - Throws: ``RPCError`` when the request goes nowhere; `sink` is not told then.
  func ask(
    _ bytes: RawSpan, _ limit: AskLimit?, _ sink: consuming ReplySink, over route: RemoteRoute, of home: RemoteRoute?
  ) throws(RPCError) {
    if env.isStopped { throw .envStopped }
    if home == nil && route.outbox.isAlias {
      let current = route.current
      if current !== route { return try ask(bytes, limit, consume sink, over: current, of: route) }
    }
    if let client = route.outbox.directClient(for: route) {
      do throws(TransportError) {
        let deadline = limit?.deadline ?? .now.advanced(byNanoseconds: env.askTimeoutNanoseconds)
        return try client.sendRPC(consume sink, deadline: deadline, route.prefix, tag: Content.raw, bytes)
      } catch {
        throw RPCError(error)
      }
    }
    let limit = limit ?? AskLimit(nil, env)
    try post(
      bytes, consume sink, deadline: limit.deadline, overhead: FrameFormat.rpcOverhead, over: route, of: home)
  }

  /// Sends raw bytes.
  func send(_ bytes: RawSpan, over route: RemoteRoute, of home: RemoteRoute?) throws(RPCError) {
    if env.isStopped { throw .envStopped }
    if home == nil && route.outbox.isAlias {
      let current = route.current
      if current !== route { return try send(bytes, over: current, of: route) }
    }
    if let client = route.outbox.directClient(for: route) {
      do throws(TransportError) {
        return try client.send(route.prefix, tag: Content.raw, bytes)
      } catch {
        throw RPCError(error)
      }
    }
    try post(bytes, nil, deadline: .distantFuture, overhead: FrameFormat.oneWayOverhead, over: route, of: home)
  }

  /// Counts raw bytes in and queues them.
  private func post(
    _ bytes: RawSpan, _ sink: consuming ReplySink?, deadline: MonotonicTime, overhead: Int, over route: RemoteRoute,
    of home: RemoteRoute?
  ) throws(RPCError) {
    if let refusal = route.outbox.refusal { throw refusal }
    let count = 1 + bytes.byteCount
    try check(count, overhead, route)
    try route.admit(byteCount: count)
    if count <= OutboxBatch.longestContent {
      return route.outbox.post(tag: Content.raw, bytes, consume sink, deadline: deadline, to: route, of: home)
    }
    var content = ByteWriter(capacity: count)
    content.append(Content.raw)
    content.append(bytes)
    route.outbox.post(OutboxMessage(content, to: route, of: home, consume sink, deadline: deadline))
  }

  /// Encodes a message's content but for the head, and counts it in, with the head.
  func admitted(
    _ route: RemoteRoute, _ head: MessageHead?, overhead: Int, _ encode: (inout ByteWriter) throws(RPCError) -> Void
  ) throws(RPCError) -> ByteWriter {
    if let refusal = route.outbox.refusal { throw refusal }
    // Encoding is in vain when there is no room.
    if route.gauge.isFull { throw route.full }
    var content = ByteWriter()
    try encode(&content)
    let count = content.count + head.size
    try check(count, overhead, route)
    try route.admit(byteCount: count)
    return content
  }

  /// Checks that a content of so many bytes fits the longest frame.
  private func check(_ count: Int, _ overhead: Int, _ route: RemoteRoute) throws(RPCError) {
    // With the whole envelope: whether a number stands for it is not known here.
    let length = overhead + route.prefix.byteCount + count
    let limit = env.configuration.transport.maximumFrameLength
    if length > limit {
      throw RPCError(.tooLarge, "the message takes \(length) bytes, the limit is \(limit)", execution: .notExecuted)
    }
  }
}
