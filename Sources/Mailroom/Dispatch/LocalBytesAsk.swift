internal import MailroomQueue
internal import MailroomTransport

/// An ask of raw bytes inside one environment: a task that is suspended, or a function to call.
///
/// Not generic and not behind a protocol, unlike ``PendingAsk``: generic code that is reached through a protocol looks its types
/// up with every call, which takes longer than the rest of such an ask.
///
/// - Thread safety: any thread. Completed once however many try.
/// - Cost: one allocation.
final class LocalBytesAsk: WatchedAsk {
  private enum Outcome: Sendable {
    case reply([UInt8])
    /// In a box, so that what is passed on to the task is one pointer.
    indirect case failure(RPCError)
    /// The task was cancelled before it asked.
    case cancelled
  }

  /// Who waits; of an ask with a function nobody does, and it only says whether the ask is complete.
  private let caller = SuspendedCaller<Outcome>()
  private let onReply: (@Sendable (borrowing RPCBytesReply) -> Void)?
  private let place = WatchedPlace()
  let env: RPCEnv
  let limit: AskLimit

  /// - Parameter onReply: nil for a task, which is to ``wait(_:)``.
  init(in env: RPCEnv, until limit: AskLimit, _ onReply: (@Sendable (borrowing RPCBytesReply) -> Void)? = nil) {
    self.env = env
    self.limit = limit
    self.onReply = onReply
  }

  var isAbandoned: Bool { caller.isDone }

  var deadline: MonotonicTime { limit.deadline }

  func wasPut(at place: Int) { self.place.set(place) }

  /// Completes the ask with what the endpoint replied, which a function only borrows.
  func complete(_ bytes: RawSpan) {
    if onReply == nil {
      if !isAbandoned { caller.resume(returning: .reply(bytes.array())) }
    } else if isFirst() {
      onReply?(RPCBytesReply(bytes: bytes))
    }
  }

  /// Completes the ask with what the endpoint replied.
  func complete(_ bytes: [UInt8]) {
    if onReply == nil {
      caller.resume(returning: .reply(bytes))
    } else if isFirst() {
      onReply?(RPCBytesReply(bytes: bytes.rawSpan))
    }
  }

  /// Completes the ask with an error; one for lack of time says which setting governs.
  func fail(_ error: RPCError) { complete(limit.named(error, in: env)) }

  /// Completes the ask with an error as it is.
  func complete(_ error: RPCError) {
    guard let onReply else {
      caller.resume(returning: .failure(error))
      return
    }
    if isFirst() { onReply(RPCBytesReply(error: error)) }
  }

  /// Completes the ask with an error that was found before a handler took the request.
  ///
  /// Not within the call that asks: the function may ask again, and be refused again, without an end.
  func refuse(_ error: RPCError) {
    if onReply == nil { fail(error) } else { env.later { [self] in fail(error) } }
  }

  /// Marks the ask of a function as complete; says whether it was not.
  private func isFirst() -> Bool {
    guard caller.resume(returning: .reply([])) else { return false }
    place.leave(self, in: env)
    return true
  }

  /// Runs `start`, which sends the request, and waits for the reply.
  ///
  /// A cancelled task stops waiting at once.
  @inline(__always)
  nonisolated(nonsending) func wait(_ start: () -> Void) async throws(RPCError) -> [UInt8] {
    let outcome = await withTaskCancellationHandler {
      await caller.wait(fallback: .cancelled, start)
    } onCancel: {
      fail(.askCancelled)
    }
    place.leave(self, in: env)
    switch outcome {
    case .reply(let bytes): return bytes
    case .failure(let error): throw error
    case .cancelled: throw .askCancelled
    }
  }
}
