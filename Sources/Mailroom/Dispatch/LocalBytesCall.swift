internal import MailroomQueue
internal import Synchronization

/// The right to answer a request of raw bytes of the same environment: as ``LocalCall``.
///
/// - Thread safety: any thread.
/// - Cost: one allocation.
final class LocalBytesCall: Sendable {
  private let ask: LocalBytesAsk
  private let answered = Atomic<Bool>(false)

  init(_ ask: LocalBytesAsk) { self.ask = ask }

  deinit {
    if !answered.load(ordering: .acquiring) { ask.complete(.noAnswer) }
  }

  /// Who asks.
  var sender: String { ask.env.name }
  /// Whether nobody waits for the answer any more.
  var isAbandoned: Bool { ask.isAbandoned }
  /// Until when the asker waits.
  var deadline: MonotonicTime { ask.limit.deadline }

  /// Tells the asker that no handler took the request; does nothing when a handler was faster.
  func refuse(_ error: RPCError) {
    if !answered.exchange(true, ordering: .acquiringAndReleasing) { ask.refuse(error) }
  }

  /// Answers with bytes, which are copied if a task waits for them.
  func reply(_ bytes: RawSpan) throws(RPCError) {
    try claim()
    ask.complete(bytes)
  }

  /// Answers with bytes.
  func reply(_ bytes: [UInt8]) throws(RPCError) {
    try claim()
    ask.complete(bytes)
  }

  /// Answers with a failure.
  func fail(_ error: RPCError) throws(RPCError) {
    try claim()
    ask.complete(error)
  }

  private func claim() throws(RPCError) {
    if answered.exchange(true, ordering: .acquiringAndReleasing) { throw .answeredBefore }
  }
}

extension RPCError {
  static var noAnswer: RPCError { RPCError(.noReply, "the handler ended without an answer") }
  static var answeredBefore: RPCError { RPCError(.alreadyReplied, "the call was answered before") }
}
