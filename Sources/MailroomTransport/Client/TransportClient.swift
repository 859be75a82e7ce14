package import MailroomQueue
internal import Synchronization

/// One connection, as seen by those who send on it: in the direction it was opened, or back.
///
/// - Thread safety: any thread. Off the connection's event loop a message is encoded by the caller and posted to the loop, at
///   the cost of two allocations, or none for an answer; on the loop it is encoded straight into the connection's out-buffer.
/// - Ordering: messages of one thread are sent in the order given. Delivery is at most once; nothing is sent again.
/// - Back-pressure: while the peer does not read, what other threads post waits in a queue of limited size, and sending on the
///   loop throws ``TransportError/Reason/full``, as it does for others once the queue is full. Answers are always taken.
public final class TransportClient: Sendable {
  enum Outbound: ~Copyable {
    case oneWay(ByteWriter)
    /// An answer that is too large for ``AnswerBuffer``.
    case answer(ByteWriter)
    /// Something is in the ``AnswerBuffer``.
    case answers
    case request(ByteWriter, ReplySink, deadline: MonotonicTime)
    case cancel(Int64)
    case close
  }

  /// What a cancellation counts for in the queue: its frame's bytes.
  private static let cancelSize = 17

  /// The peer's address as dialled, or as the socket has it for an accepted connection: "host:port".
  public let peer: String
  /// Whether this side opened the connection.
  public let isOutgoing: Bool
  package let loop: EventLoop

  let configuration: TransportConfiguration
  let outbound = MPSCQueue<Outbound>()
  /// Answers of other threads; one `answers` is queued while there are any.
  let answers = AnswerBuffer()
  /// Loop-confined: what was taken out of `answers` last, emptied, for its storage.
  let spareAnswers = Confined(AnswerBuffer.Batch())
  /// Counts what is posted from when it is until it is in the out-buffer.
  let gauge: FlowGauge
  /// Loop-confined.
  let link = Confined(ConnectionLink())
  /// Loop-confined.
  let observer: Confined<(any TransportClientObserver)?>
  /// Atomic; written by the loop's thread, a hint for others.
  private let active = Atomic<Bool>(true)
  /// Atomic; written by the loop's thread, a hint for others.
  let writable = Atomic<Bool>(true)
  /// Atomic; written by the loop's thread, a hint for others.
  let extended = Atomic<Bool>(false)
  /// Which requests of the peer are not waited for any more.
  let abandonment = Abandonment()
  /// Atomic, relaxed: a count.
  private let unknownReplyCount = Atomic<Int>(0)
  /// Atomic, relaxed: a count.
  private let droppedOneWayCount = Atomic<Int>(0)
  /// Atomic, relaxed: a count.
  private let droppedAnswerCount = Atomic<Int>(0)

  /// Makes the client of a connected socket, on the loop's thread.
  static func open(
    _ stream: UVTCP, loop: EventLoop, peer: String, isOutgoing: Bool, configuration: TransportConfiguration,
    handler: ConnectionHandlerFactory
  ) -> TransportClient {
    let client = TransportClient(loop: loop, peer: peer, isOutgoing: isOutgoing, configuration: configuration)
    let connection = Connection(stream, core: loop.core.value, client: client, configuration: configuration)
    client.link.value.connection = connection
    connection.open(handler(client))
    return client
  }

  private init(loop: EventLoop, peer: String, isOutgoing: Bool, configuration: TransportConfiguration) {
    self.loop = loop
    self.peer = peer
    self.isOutgoing = isOutgoing
    self.configuration = configuration
    gauge = FlowGauge(FlowMarks(messages: configuration.maximumQueuedMessages, bytes: configuration.maximumQueuedBytes))
    observer = Confined(nil)
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
  ///
  /// Those that the socket had not taken as a whole are among them once the connection's handler was told of the end; of those that
  /// it had taken nobody knows whether they arrived.
  public var droppedMessages: Int { droppedOneWays + droppedAnswerCount.load(ordering: .relaxed) }
  /// The one-way messages among ``droppedMessages``.
  public var droppedOneWays: Int { droppedOneWayCount.load(ordering: .relaxed) }

  /// The connection as long as there is one; on the loop's thread only.
  var connection: Connection? { link.value.connection }

  // MARK: Sending

  /// Sends a request; `onResponse` runs exactly once, on the connection's event loop.
  ///
  /// - Throws: ``TransportError`` with ``TransportError/Reason/tooLarge`` or ``TransportError/Reason/full``, and then `onResponse`
  ///   does not run.
  public func sendRPC(
    _ body: RawSpan, timeout: Duration, _ onResponse: @escaping @Sendable (borrowing TransportResponse) -> Void
  ) throws(TransportError) {
    try sendRPC(.function(onResponse), deadline: MonotonicTime.now.advanced(by: timeout)) { $0.append(body) }
  }

  /// Sends a request whose body `encode` writes; `sink` is told exactly once.
  ///
  /// - Parameter saved: what a number that `encode` writes saves; see ``mark(of:)``.
  /// - Throws: what `encode` throws, or ``TransportError`` with ``TransportError/Reason/tooLarge`` or
  ///   ``TransportError/Reason/full``; `sink` is not told then.
  package func sendRPC(
    _ sink: ReplySink, deadline: MonotonicTime, saved: Int = 0,
    _ encode: (inout ByteWriter) throws(TransportError) -> Void
  ) throws(TransportError) {
    guard loop.isCurrent else {
      if gauge.isFull { throw fullError }
      let isTimed = hasExtensions && deadline != .distantFuture
      let frame = try encoded(isTimed ? .rpcRequestWithDeadline : .rpcRequest, encode)
      if !gauge.admit(bytes: frame.count) { throw fullError }
      return post(.request(frame, sink, deadline: deadline))
    }
    guard let connection = connection else { return sink.fail(closedError) }
    if !connection.isWritable && connection.acceptsRequests { throw fullError }
    if connection.isPendingFull { throw connection.pendingFullError }
    guard let id = connection.register(sink, deadline: deadline) else { return }
    do throws(TransportError) {
      try connection.append { (writer) throws(TransportError) in
        let frame = connection.beginRequest(&writer, id, deadline)
        try encode(&writer)
        try end(frame, &writer, saved: saved)
      }
      connection.announce(id)
      connection.flushIfDue()
    } catch {
      // Unless the sink was told, because `encode` has ended the connection.
      if connection.unregister(id) != nil { throw error }
    }
  }

  /// Sends a one-way message.
  ///
  /// - Throws: ``TransportError`` with ``TransportError/Reason/tooLarge`` or ``TransportError/Reason/full``.
  public func send(_ body: RawSpan) throws(TransportError) {
    try send { $0.append(body) }
  }

  /// Sends a one-way message whose body `encode` writes.
  ///
  /// - Parameter saved: what a number that `encode` writes saves; see ``mark(of:)``.
  /// - Throws: what `encode` throws, or ``TransportError`` with ``TransportError/Reason/tooLarge`` or
  ///   ``TransportError/Reason/full``.
  package func send(
    saved: Int = 0, _ encode: (inout ByteWriter) throws(TransportError) -> Void
  ) throws(TransportError) {
    guard loop.isCurrent else {
      if gauge.isFull { throw fullError }
      let frame = try encoded(.oneWay, encode)
      if !gauge.admit(bytes: frame.count) { throw fullError }
      return post(.oneWay(frame))
    }
    guard let connection = connection, connection.acceptsRequests else { return didDrop(.oneWay) }
    if !connection.isWritable { throw fullError }
    try connection.append { (writer) throws(TransportError) in
      let frame = writer.beginOneWay()
      try encode(&writer)
      try end(frame, &writer, saved: saved)
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
      frame.overwrite(requestID, at: FrameFormat.idOffset)
      return postAnswer(requestID, frame)
    }
    guard let connection = connection, connection.acceptsAnswers else { return didDrop(.answer) }
    if abandonment.takeCancelled(requestID) { return connection.didAnswer() }
    try connection.append { (writer) throws(TransportError) in
      let frame = writer.beginRPC(.rpcResponse, id: requestID)
      try encode(&writer)
      try end(frame, &writer, isAnswer: true)
    }
    abandonment.forgetWatchers(requestID)
    connection.flushIfLarge()
    connection.didAnswer()
  }

  /// Answers a request of the peer with a failure text, cut to fit the maximum frame.
  package func respond(_ requestID: Int64, failure message: String) {
    let room = configuration.maximumFrameLength - FrameFormat.rpcOverhead
    let text = Array(message.prefix(utf8Count: min(max(0, room), 64 * 1024)).utf8)
    var frame = ByteWriter(capacity: text.count + 32)
    let isWritten: Void? = try? frame.append(frame: .rpcFailure(id: requestID, error: text.rawSpan), limit: .max)
    guard isWritten != nil else { return }
    if !loop.isCurrent { return postAnswer(requestID, frame) }
    abandonment.forgetWatchers(requestID)
    guard let connection else { return didDrop(.answer) }
    connection.send(frame, .answers(1), isNew: true)
  }

  /// Ends the connection after what is queued was written.
  ///
  /// Requests that wait for answers fail at once.
  public func close() {
    if loop.isCurrent { connection?.close() } else { post(.close) }
  }

  private func encoded(
    _ kind: WireMessage.Kind, _ encode: (inout ByteWriter) throws(TransportError) -> Void
  ) throws(TransportError) -> ByteWriter {
    var writer = ByteWriter()
    let frame =
      switch kind {
      case .oneWay: writer.beginOneWay()
      case .rpcRequestWithDeadline: writer.beginTimedRequest(id: 0, nanosecondsLeft: 1)
      default: writer.beginRPC(kind, id: 0)
      }
    try encode(&writer)
    try end(frame, &writer, isAnswer: kind == .rpcResponse)
    return writer
  }

  private func end(
    _ frame: ByteWriter.OpenFrame, _ writer: inout ByteWriter, saved: Int = 0, isAnswer: Bool = false
  ) throws(TransportError) {
    do throws(FrameError) {
      try writer.endFrame(frame, limit: configuration.maximumFrameLength, saved: saved)
    } catch {
      if isAnswer, case .tooLarge(let length, _) = error { throw answerTooLargeError(length: Int(length)) }
      throw TransportError(.tooLarge, "the message to \(peer) cannot be sent: \(error)", isNotSent: true)
    }
  }

  /// Forgets a request of this side, without telling its sink, and tells the peer if it understands that.
  ///
  /// For who has told the sink already, and knows the id from ``TransportResponseReceiver/wasSent(_:on:)``. Does nothing when the
  /// request has ended. Any thread; from other threads than the loop's the sink may still be told meanwhile.
  package func cancel(_ requestID: Int64) {
    if loop.isCurrent { return connection?.cancel(requestID) ?? () }
    _ = gauge.add(bytes: Self.cancelSize)
    post(.cancel(requestID))
  }

  // MARK: The queue to the loop

  /// Posts a message that the gauge has counted.
  func post(_ message: consuming Outbound) { didPush(outbound.push(message)) }

  func didPush(_ pushed: consuming MPSCQueue<Outbound>.Pushed) {
    switch consume pushed {
    case .queued: break
    case .wake: loop.schedule(self)
    case .closed(let message):
      let refused = refuse(message)
      gauge.remove(messages: refused.messages, bytes: refused.bytes)
    }
  }

  /// What the gauge has counted something with.
  typealias Amount = (messages: Int, bytes: Int)

  /// Gives a message up; says what it was counted with.
  private func refuse(_ message: consuming Outbound) -> Amount {
    switch consume message {
    case .request(let frame, let sink, _):
      sink.fail(closedError)
      return (1, frame.count)
    case .oneWay(let frame):
      didDrop(.oneWay)
      return (1, frame.count)
    case .answer(let frame):
      didDrop(.answer)
      return (1, frame.count)
    case .answers:
      var batch = AnswerBuffer.Batch()
      answers.take(into: &batch)
      didDrop(DroppedMessages(answers: batch.count))
      return (batch.count, batch.frames.count)
    case .cancel: return (1, Self.cancelSize)
    case .close: return (0, 0)
    }
  }

  var closedError: TransportError {
    TransportError(.connectionClosed, "the connection to \(peer) is closed", isNotSent: true)
  }

  func tooLargeError(length: Int) -> TransportError {
    let error = FrameError.tooLarge(length: Int64(length), limit: configuration.maximumFrameLength)
    return TransportError(.tooLarge, "the message to \(peer) cannot be sent: \(error)", isNotSent: true)
  }

  var fullError: TransportError {
    TransportError(.full, "too much waits to be sent to \(peer), which reads slowly or not at all", isNotSent: true)
  }

  /// Sends a message, or has the connection hold it; says what has left the queue.
  private func perform(_ message: consuming Outbound) -> Amount {
    guard let connection else { return refuse(message) }
    switch consume message {
    case .oneWay(let frame): return connection.take(frame, .oneWay)
    case .answer(let frame): return connection.take(frame, .answers(1))
    case .answers: return takeAnswers(connection)
    case .request(let frame, let sink, let deadline):
      guard let id = connection.register(sink, deadline: deadline) else { return (1, frame.count) }
      var frame = frame
      frame.overwrite(id, at: FrameFormat.idOffset)
      return connection.take(frame, .request(id: id, deadline: deadline))
    case .cancel(let id):
      connection.cancel(id)
      return (1, Self.cancelSize)
    case .close:
      connection.close()
      return (0, 0)
    }
  }

  // MARK: Told by the connection, on the loop

  func didBecomeInactive() { active.store(false, ordering: .relaxed) }
  func didReceiveUnknownReply() { unknownReplyCount.add(1, ordering: .relaxed) }
  /// Messages were given up.
  func didDrop(_ dropped: DroppedMessages) {
    if dropped.oneWays > 0 { droppedOneWayCount.add(dropped.oneWays, ordering: .relaxed) }
    if dropped.answers > 0 { droppedAnswerCount.add(dropped.answers, ordering: .relaxed) }
  }
  func didChangeWritability(_ isWritable: Bool) { writable.store(isWritable, ordering: .relaxed) }
  func didBecomeWritable() { observer.value?.clientDidBecomeWritable(self) }
  /// Messages that were held have left.
  func didUnqueue(messages: Int, bytes: Int) { gauge.remove(messages: messages, bytes: bytes) }
  /// Has the queue looked at again, later.
  func runAgain() { loop.schedule(self) }

  func didClose() {
    link.value.connection = nil
    var (messages, bytes) = (0, 0)
    outbound.close { message in
      let refused = refuse(message)
      messages += refused.messages
      bytes += refused.bytes
    }
    gauge.remove(messages: messages, bytes: bytes)
    gauge.close()
    let last = observer.value
    observer.value = nil
    last?.clientDidClose(self)
  }
}

extension TransportClient: LoopTask {
  /// Messages taken from the queue before others on the loop get their turn.
  static let budget = 4096

  package func runOnLoop() {
    connection?.releasePosts(limit: Self.budget)
    while true {
      var (messages, bytes) = (0, 0)
      let count = outbound.drain(limit: Self.budget) { message in
        let left = perform(message)
        messages += left.messages
        bytes += left.bytes
      }
      if messages > 0 { gauge.remove(messages: messages, bytes: bytes) }
      if count == Self.budget {
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
