package import MailroomQueue
internal import Synchronization

/// One connection, as seen by those who send on it: in the direction it was opened, or back.
///
/// - Thread safety: any thread. Off the connection's event loop a message is encoded by the caller and posted to the loop, at
///   the cost of two allocations; on the loop it is encoded straight into the connection's out-buffer.
/// - Ordering: messages of one thread are sent in the order given. Delivery is at most once; nothing is sent again.
public final class TransportClient: Sendable {
  private enum Outbound: ~Copyable {
    case oneWay(ByteWriter)
    case answer(ByteWriter)
    case request(ByteWriter, ReplySink, deadline: MonotonicTime)
    case close
  }

  /// The peer's address as dialled, or as the socket has it for an accepted connection: "host:port".
  public let peer: String
  /// Whether this side opened the connection.
  public let isOutgoing: Bool
  package let loop: EventLoop

  private let configuration: TransportConfiguration
  private let outbound = MPSCQueue<Outbound>()
  /// Loop-confined.
  private let connection: Confined<Connection?>
  /// Atomic; written by the loop's thread, a hint for others.
  private let active = Atomic<Bool>(true)
  /// Atomic, relaxed: a count.
  private let unknownReplyCount = Atomic<Int>(0)
  /// Atomic, relaxed: a count.
  private let droppedCount = Atomic<Int>(0)

  /// Makes the client of a connected socket, on the loop's thread.
  static func open(
    _ stream: UVTCP, loop: EventLoop, peer: String, isOutgoing: Bool, configuration: TransportConfiguration,
    handler: ConnectionHandlerFactory
  ) -> TransportClient {
    let client = TransportClient(loop: loop, peer: peer, isOutgoing: isOutgoing, configuration: configuration)
    let connection = Connection(stream, core: loop.core.value, client: client, configuration: configuration)
    client.connection.value = connection
    connection.open(handler(client))
    return client
  }

  private init(loop: EventLoop, peer: String, isOutgoing: Bool, configuration: TransportConfiguration) {
    self.loop = loop
    self.peer = peer
    self.isOutgoing = isOutgoing
    self.configuration = configuration
    connection = Confined(nil)
  }

  /// Whether requests are still taken.
  ///
  /// May change at any time.
  public var isActive: Bool { active.load(ordering: .relaxed) }
  /// Answers that came for no pending request: late, double or invented ones.
  ///
  /// They were dropped.
  public var unknownReplies: Int { unknownReplyCount.load(ordering: .relaxed) }
  /// One-way messages and answers that could not be sent because the connection had ended.
  public var droppedMessages: Int { droppedCount.load(ordering: .relaxed) }

  // MARK: Sending

  /// Sends a request; `onResponse` runs exactly once, on the connection's event loop.
  ///
  /// - Throws: ``TransportError`` with ``TransportError/Reason/tooLarge``, and then `onResponse` does not run.
  public func sendRPC(
    _ body: RawSpan, timeout: Duration, _ onResponse: @escaping @Sendable (borrowing TransportResponse) -> Void
  ) throws(TransportError) {
    try sendRPC(.function(onResponse), deadline: MonotonicTime.now.advanced(by: timeout)) { $0.append(body) }
  }

  /// Sends a request whose body `encode` writes; `sink` is told exactly once.
  ///
  /// - Throws: what `encode` throws, or ``TransportError`` with ``TransportError/Reason/tooLarge``; `sink` is not told then.
  package func sendRPC(
    _ sink: ReplySink, deadline: MonotonicTime, _ encode: (inout ByteWriter) throws(TransportError) -> Void
  ) throws(TransportError) {
    guard loop.isCurrent else {
      let frame = try encoded(.rpcRequest, encode)
      return post(.request(frame, sink, deadline: deadline))
    }
    guard let connection = connection.value else { return sink.fail(closedError) }
    guard let id = connection.register(sink, deadline: deadline) else { return }
    do throws(TransportError) {
      try connection.append { (writer) throws(TransportError) in
        let frame = writer.beginRPC(.rpcRequest, id: id)
        try encode(&writer)
        try end(frame, &writer)
      }
      connection.flushIfLarge()
    } catch {
      // Unless the sink was told, because `encode` has ended the connection.
      if connection.unregister(id) != nil { throw error }
    }
  }

  /// Sends a one-way message.
  ///
  /// - Throws: ``TransportError`` with ``TransportError/Reason/tooLarge``.
  public func send(_ body: RawSpan) throws(TransportError) {
    try send { $0.append(body) }
  }

  /// Sends a one-way message whose body `encode` writes.
  ///
  /// - Throws: what `encode` throws, or ``TransportError`` with ``TransportError/Reason/tooLarge``.
  package func send(_ encode: (inout ByteWriter) throws(TransportError) -> Void) throws(TransportError) {
    guard loop.isCurrent else {
      let frame = try encoded(.oneWay, encode)
      return post(.oneWay(frame))
    }
    guard let connection = connection.value, connection.acceptsRequests else { return countDropped() }
    try connection.append { (writer) throws(TransportError) in
      let frame = writer.beginOneWay()
      try encode(&writer)
      try end(frame, &writer)
    }
    connection.flushIfLarge()
  }

  /// Answers a request of the peer with a body that `encode` writes.
  ///
  /// - Throws: what `encode` throws, or ``TransportError`` with ``TransportError/Reason/tooLarge``: the request still wants an
  ///   answer then. An answer that the ended connection cannot take is counted and dropped.
  package func respond(
    _ requestID: Int64, _ encode: (inout ByteWriter) throws(TransportError) -> Void
  ) throws(TransportError) {
    guard loop.isCurrent else {
      var frame = try encoded(.rpcResponse, encode)
      frame.overwrite(requestID, at: 9)
      return post(.answer(frame))
    }
    guard let connection = connection.value, connection.acceptsAnswers else { return countDropped() }
    try connection.append { (writer) throws(TransportError) in
      let frame = writer.beginRPC(.rpcResponse, id: requestID)
      try encode(&writer)
      try end(frame, &writer)
    }
    connection.didAnswer()
  }

  /// Answers a request of the peer with a failure text, cut to fit the maximum frame.
  package func respond(_ requestID: Int64, failure message: String) {
    let room = configuration.maximumFrameLength - FrameFormat.rpcOverhead
    let text = Array(message.prefix(utf8Count: min(max(0, room), 64 * 1024)).utf8)
    var frame = ByteWriter(capacity: text.count + 32)
    let isWritten: Void? = try? frame.append(frame: .rpcFailure(id: requestID, error: text.rawSpan), limit: .max)
    guard isWritten != nil else { return }
    post(.answer(frame), orPerform: loop.isCurrent)
  }

  /// Ends the connection after what is queued was written.
  ///
  /// Requests that wait for answers fail at once.
  public func close() {
    post(.close, orPerform: loop.isCurrent)
  }

  private func encoded(
    _ kind: WireMessage.Kind, _ encode: (inout ByteWriter) throws(TransportError) -> Void
  ) throws(TransportError) -> ByteWriter {
    var writer = ByteWriter()
    let frame = kind == .oneWay ? writer.beginOneWay() : writer.beginRPC(kind, id: 0)
    try encode(&writer)
    try end(frame, &writer)
    return writer
  }

  private func end(_ frame: ByteWriter.OpenFrame, _ writer: inout ByteWriter) throws(TransportError) {
    do throws(FrameError) {
      try writer.endFrame(frame, limit: configuration.maximumFrameLength)
    } catch {
      throw TransportError(.tooLarge, "the message to \(peer) cannot be sent: \(error)", isNotSent: true)
    }
  }

  // MARK: The queue to the loop

  private func post(_ outbound: consuming Outbound, orPerform isOnLoop: Bool) {
    if isOnLoop { perform(outbound) } else { post(outbound) }
  }

  private func post(_ message: consuming Outbound) {
    switch outbound.push(message) {
    case .queued: break
    case .wake: loop.schedule(self)
    case .closed(let message): refuse(message)
    }
  }

  private func refuse(_ message: consuming Outbound) {
    switch consume message {
    case .request(_, let sink, _): sink.fail(closedError)
    case .oneWay: countDropped()
    case .answer: countDropped()
    case .close: break
    }
  }

  private var closedError: TransportError {
    TransportError(.connectionClosed, "the connection to \(peer) is closed", isNotSent: true)
  }

  private func perform(_ message: consuming Outbound) {
    guard let connection = connection.value else { return refuse(message) }
    switch consume message {
    case .oneWay(let frame):
      if !connection.acceptsRequests { return countDropped() }
      connection.append { $0.append(frame.bytes) }
      connection.flushIfLarge()
    case .answer(let frame):
      if !connection.acceptsAnswers { return countDropped() }
      connection.append { $0.append(frame.bytes) }
      connection.flushIfLarge()
      connection.didAnswer()
    case .request(let frame, let sink, let deadline):
      guard let id = connection.register(sink, deadline: deadline) else { return }
      var frame = frame
      frame.overwrite(id, at: 9)
      connection.append { $0.append(frame.bytes) }
      connection.flushIfLarge()
    case .close:
      connection.close()
    }
  }

  // MARK: Told by the connection, on the loop

  func didBecomeInactive() { active.store(false, ordering: .relaxed) }
  func didReceiveUnknownReply() { unknownReplyCount.add(1, ordering: .relaxed) }
  private func countDropped() { droppedCount.add(1, ordering: .relaxed) }

  func didClose() {
    connection.value = nil
    outbound.close { refuse($0) }
  }
}

extension TransportClient: LoopTask {
  /// Messages taken from the queue before others on the loop get their turn.
  private static let budget = 4096

  package func runOnLoop() {
    while true {
      if outbound.drain(limit: Self.budget, { perform($0) }) == Self.budget {
        loop.schedule(self)
        return
      }
      if outbound.sleep() != .notEmpty { return }
    }
  }
}

extension String {
  /// The longest beginning of whole characters of Unicode that takes at most `count` bytes.
  fileprivate func prefix(utf8Count count: Int) -> Substring {
    if utf8.count <= count { return self[...] }
    var end = utf8.index(startIndex, offsetBy: count)
    while end.samePosition(in: unicodeScalars) == nil { end = utf8.index(before: end) }
    return self[..<end]
  }
}
