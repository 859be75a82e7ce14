internal import MailroomQueue
internal import MailroomTransport
internal import Synchronization

/// A request of another process that wants an answer: answered once, from any thread, and by its own end if by nobody.
///
/// The object outlives its request where nobody else has kept it: then it stands for the next one, so that a request that is answered
/// in place costs no allocation.
///
/// ```
///              reply, fail, drop                    begin, by the only owner
///   ┌────────┐ ─────────────────► ┌──────────┐ ──────────────────────────────► open
///   │  open  │                    │ answered │
///   └────────┘ ── end, deinit ──► └──────────┘
///                (answers "noReply")
/// ```
final class RemoteCall: Sendable {
  /// Who asks, and what references in the request are bound to.
  let source: MessageSource
  /// Who asks.
  let peer: RemotePeer
  /// The connection it came on.
  private let client: TransportClient
  /// What tells the request over all attempts, if it is asked with retries.
  let key: RPCRequestKey?
  /// Atomic, relaxed: written by ``begin(_:until:)`` only, before the call is handed to anybody.
  private let requestID: Atomic<Int64>
  /// Atomic, relaxed, as `requestID`: nanoseconds.
  private let deadlineTime: Atomic<UInt64>
  /// Atomic.
  private let answered = Atomic<Bool>(false)

  init(_ request: RemoteRequest, from peer: RemotePeer, _ source: MessageSource) {
    requestID = Atomic(request.id)
    deadlineTime = Atomic(request.deadline.nanoseconds)
    self.source = source
    self.peer = peer
    client = peer.client
    key = request.key
  }

  deinit { end() }

  /// Stands for another request of the same peer from now on, one without a key.
  ///
  /// For the call's only owner, after ``end()``.
  func begin(_ id: Int64, until deadline: MonotonicTime) {
    requestID.store(id, ordering: .relaxed)
    deadlineTime.store(deadline.nanoseconds, ordering: .relaxed)
    answered.store(false, ordering: .relaxed)
  }

  /// Answers that there is no answer, unless there was one: nobody is left who could give one.
  func end() {
    if answered.load(ordering: .acquiring) { return }
    answered.store(true, ordering: .relaxed)
    send(failure: .noAnswer)
  }

  private var responder: RPCResponder {
    RPCResponder(client: client, requestID: requestID.load(ordering: .relaxed), deadline: deadline)
  }

  /// Until when somebody waits for the answer; far away for a peer that has not said.
  var deadline: MonotonicTime { MonotonicTime(nanoseconds: deadlineTime.load(ordering: .relaxed)) }

  /// Whether nobody waits for the answer any more: the asker gave up, its time is over, or its connection has ended.
  var isAbandoned: Bool {
    responder.isAbandoned || (deadline != .distantFuture && deadline.hasCome)
  }

  /// Has `body` called when the asker gives up or its connection ends, unless the call was answered by then.
  func onAbandon(_ body: @escaping @Sendable () -> Void) { responder.onAbandon(body) }

  /// Ends a call that nobody waits for any more, before a handler took it.
  func drop() {
    // Fails when it was answered, which only a handler could have done.
    try? fail(RPCError(.timeout, "nobody waited for the answer when a handler was free", execution: .notExecuted))
  }

  @inline(__always)
  private func claim() throws(RPCError) {
    if answered.exchange(true, ordering: .acquiringAndReleasing) {
      throw .answeredBefore
    }
  }

  /// Answers with a value.
  ///
  /// If it cannot be encoded, the asker is told at once, and this throws.
  func reply<Reply: RPCValue>(_ value: Reply) throws(RPCError) {
    try claim()
    try send { (writer) throws(RPCError) in
      writer.append(Content.typed)
      do {
        try value.encode(into: &writer)
      } catch {
        throw RPCError(.unencodable, "the reply \(Reply.self) cannot be encoded: \(error)", cause: error)
      }
    }
  }

  /// Answers with raw bytes.
  @inline(__always)
  func reply(bytes: RawSpan) throws(RPCError) {
    try claim()
    do throws(TransportError) {
      try client.respond(requestID.load(ordering: .relaxed), tag: Content.raw, bytes)
    } catch {
      let reported = RPCError(error)
      send(failure: reported)
      throw reported
    }
  }

  /// Answers with a failure.
  func fail(_ error: RPCError) throws(RPCError) {
    try claim()
    send(failure: error)
  }

  private func send(_ encode: (inout ByteWriter) throws(RPCError) -> Void) throws(RPCError) {
    let responder = responder
    var failure: RPCError?
    do throws(TransportError) {
      try responder.client.respond(responder.requestID) { (writer) throws(TransportError) in
        do throws(RPCError) {
          try encode(&writer)
        } catch {
          failure = error
          throw TransportError(.unencodable, error.message)
        }
      }
    } catch {
      let reported = failure ?? RPCError(error)
      send(failure: reported)
      throw reported
    }
  }

  private func send(failure: RPCError) {
    let responder = responder
    do throws(TransportError) {
      try responder.client.respond(responder.requestID) { Content.append(failure, to: &$0) }
    } catch {
      // The error underneath does not fit, or the maximum frame is below a few kilobytes; the plain text form fits any.
      do throws(TransportError) {
        try responder.client.respond(responder.requestID) { Content.append(failure, withCause: false, to: &$0) }
      } catch {
        responder.fail(failure.code.name)
      }
    }
  }
}

/// A request of the same process that wants an answer: as ``RemoteCall``, without the wire.
final class LocalCall<Reply: RPCValue>: Sendable {
  private let ask: any PendingAsk<Reply>
  /// What tells the request over all attempts, if it is asked with retries.
  let key: RPCRequestKey?
  private let answered = Atomic<Bool>(false)

  init(_ ask: any PendingAsk<Reply>, key: RPCRequestKey? = nil) {
    self.ask = ask
    self.key = key
  }

  deinit {
    if !answered.load(ordering: .acquiring) { endWithoutAnswer() }
  }

  /// A function of its own, because making a result looks its type up.
  @inline(never)
  private func endWithoutAnswer() { ask.complete(.failure(.noAnswer)) }

  /// Whether nobody waits for the answer any more.
  var isAbandoned: Bool { ask.isAbandoned }

  /// Has `body` called if the asker gives up.
  func onAbandon(_ body: @escaping @Sendable () -> Void) { ask.watch(body) }

  /// The time that is left to answer; nil only in tests.
  var deadline: MonotonicTime { ask.limit?.deadline ?? .distantFuture }

  /// Tells the asker that no handler took the request; does nothing when a handler was faster.
  func refuse(_ error: RPCError) {
    if !answered.exchange(true, ordering: .acquiringAndReleasing) { ask.refuse(error) }
  }

  /// Answers with a value.
  func reply(_ value: Reply) throws(RPCError) {
    try claim()
    ask.succeed(value)
  }

  /// Answers with a failure.
  func fail(_ error: RPCError) throws(RPCError) {
    try claim()
    ask.answer(.failure(error))
  }

  private func claim() throws(RPCError) {
    if answered.exchange(true, ordering: .acquiringAndReleasing) { throw .answeredBefore }
  }
}
