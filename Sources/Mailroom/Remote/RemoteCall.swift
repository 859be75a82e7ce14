internal import MailroomQueue
internal import MailroomTransport
internal import Synchronization

/// A request of another process that wants an answer: answered once, from any thread, and by its own end if by nobody.
final class RemoteCall: Sendable {
  private let responder: RPCResponder
  /// Who asks.
  let peer: RemotePeer
  /// What tells the request over all attempts, if it is asked with retries.
  let key: RPCRequestKey?
  private let answered = Atomic<Bool>(false)

  init(_ responder: RPCResponder, from peer: RemotePeer, key: RPCRequestKey? = nil) {
    self.responder = responder
    self.peer = peer
    self.key = key
  }

  deinit {
    if !answered.load(ordering: .acquiring) {
      send(failure: RPCError(.noReply, "the handler ended without an answer"))
    }
  }

  /// Until when somebody waits for the answer; far away for a peer that has not said.
  var deadline: MonotonicTime { responder.deadline }

  /// Whether nobody waits for the answer any more: the asker gave up, its time is over, or its connection has ended.
  var isAbandoned: Bool {
    responder.isAbandoned || (responder.deadline != .distantFuture && MonotonicTime.now >= responder.deadline)
  }

  /// Has `body` called when the asker gives up or its connection ends, unless the call was answered by then.
  func onAbandon(_ body: @escaping @Sendable () -> Void) { responder.onAbandon(body) }

  /// Ends a call that nobody waits for any more, before a handler took it.
  func drop() {
    // Fails when it was answered, which only a handler could have done.
    try? fail(RPCError(.timeout, "nobody waited for the answer when a handler was free", execution: .notExecuted))
  }

  private func claim() throws(RPCError) {
    if answered.exchange(true, ordering: .acquiringAndReleasing) {
      throw RPCError(.alreadyReplied, "the call was answered before")
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
  func reply(bytes: RawSpan) throws(RPCError) {
    try claim()
    try send { (writer) throws(RPCError) in
      writer.append(Content.raw)
      writer.append(bytes)
    }
  }

  /// Answers with a failure.
  func fail(_ error: RPCError) throws(RPCError) {
    try claim()
    send(failure: error)
  }

  private func send(_ encode: (inout ByteWriter) throws(RPCError) -> Void) throws(RPCError) {
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
    if !answered.load(ordering: .acquiring) {
      ask.complete(.failure(RPCError(.noReply, "the handler ended without an answer")))
    }
  }

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

  func answer(_ result: Result<Reply, RPCError>) throws(RPCError) {
    if answered.exchange(true, ordering: .acquiringAndReleasing) {
      throw RPCError(.alreadyReplied, "the call was answered before")
    }
    ask.answer(result)
  }
}
