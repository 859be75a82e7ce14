internal import MailroomQueue
internal import Synchronization

/// The right to answer a request of raw bytes of the same environment: as ``LocalCall``.
///
/// The object outlives its request where nobody else has kept it: then it stands for the next one, as a ``RemoteCall`` does.
///
/// - Thread safety: any thread, but for ``begin(_:)`` and ``end()``, which are for the call's only owner.
/// - Cost: one allocation.
final class LocalBytesCall: Sendable {
  /// Written by ``begin(_:)`` and ``end()`` only; empty in between.
  private let ask: ReferenceSlot<LocalBytesAsk>
  /// Atomic.
  private let answered = Atomic<Bool>(false)

  init(_ ask: consuming LocalBytesAsk) { self.ask = ReferenceSlot(ask) }

  deinit { end() }

  /// Stands for another request from now on; after ``end()``.
  func begin(_ ask: consuming LocalBytesAsk) {
    answered.store(false, ordering: .relaxed)
    self.ask.put(ask)
  }

  /// Answers that there is no answer, unless there was one, and lets go of the request: nobody is left who could answer it.
  func end() {
    if !answered.load(ordering: .acquiring) {
      answered.store(true, ordering: .relaxed)
      ask.borrow { $0.complete(.noAnswer) }
    }
    ask.clear()
  }

  /// Who asks.
  var sender: String { ask.borrow { $0.env.name } ?? "" }
  /// Whether nobody waits for the answer any more.
  var isAbandoned: Bool { ask.borrow { $0.isAbandoned } ?? true }
  /// Until when the asker waits.
  var deadline: MonotonicTime { ask.borrow { $0.limit.deadline } ?? .distantFuture }

  /// Tells the asker that no handler took the request; does nothing when a handler was faster.
  func refuse(_ error: RPCError) {
    if !answered.exchange(true, ordering: .acquiringAndReleasing) { ask.borrow { $0.refuse(error) } }
  }

  /// Answers with bytes, which are copied if a task waits for them.
  func reply(_ bytes: RawSpan) throws(RPCError) {
    try claim()
    ask.borrow { $0.complete(bytes) }
  }

  /// Answers with bytes.
  func reply(_ bytes: [UInt8]) throws(RPCError) {
    try claim()
    ask.borrow { $0.complete(bytes) }
  }

  /// Answers with a failure.
  func fail(_ error: RPCError) throws(RPCError) {
    try claim()
    ask.borrow { $0.complete(error) }
  }

  @inline(__always)
  private func claim() throws(RPCError) {
    if answered.exchange(true, ordering: .acquiringAndReleasing) { throw .answeredBefore }
  }
}

/// The call of a request of raw bytes that is being handled or has ended, for the next one: requests that are answered in place, in one
/// turn of an inbox, cost one allocation in all.
///
/// Belongs to who has the turn, and is lent to the handlers of users without being counted.
struct SpareLocalCall: ~Copyable {
  private var call: LocalBytesCall?

  /// There is none yet.
  init() {}

  /// Has `endpoint` handle a request; when its handler has returned and nobody has kept the call, the request has ended.
  mutating func deliver(_ bytes: [UInt8], _ ask: consuming LocalBytesAsk, to endpoint: any EndpointDelivery) {
    if call == nil { call = LocalBytesCall(ask) } else { call?.begin(ask) }
    handle(bytes, endpoint)
    guard isKnownUniquelyReferenced(&call) else {
      call = nil
      return
    }
    // Whoever else had it until now may have answered it, and that is to be seen.
    atomicMemoryFence(ordering: .acquiring)
    end()
  }

  private borrowing func handle(_ bytes: [UInt8], _ endpoint: any EndpointDelivery) { endpoint.deliver(bytes, call) }

  private borrowing func end() { call?.end() }
}

extension RPCError {
  static var noAnswer: RPCError { RPCError(.noReply, "the handler ended without an answer") }
  static var answeredBefore: RPCError { RPCError(.alreadyReplied, "the call was answered before") }
}
