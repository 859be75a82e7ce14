internal import MailroomQueue
internal import MailroomTransport
internal import Synchronization

/// An ask that can be ended before its request went anywhere.
protocol RefusableAsk: TransportResponseReceiver, Expirable {
  /// Completes the ask with an error that was found before the request went anywhere.
  func refuse(_ error: RPCError)
}

/// An ask that waits for its reply, and is completed exactly once however many try.
///
/// - Thread safety: any thread.
protocol PendingAsk<Reply>: RefusableAsk, WatchedAsk {
  /// What the request is answered with.
  associatedtype Reply: RPCValue
  /// What references in the reply are bound to; nil only in tests.
  var source: MessageSource? { get }
  /// Until when it waits; nil only in tests.
  var limit: AskLimit? { get }
  /// Completes the ask, unless it is complete; says whether it did.
  @discardableResult
  func complete(_ result: Result<Reply, RPCError>) -> Bool
  /// As ``complete(_:)``, with what the endpoint's side has answered.
  func answer(_ result: Result<Reply, RPCError>)
  /// As ``answer(_:)`` with a reply; a result looks its type up wherever it is made.
  func succeed(_ reply: Reply)
  /// Has the request followed to where it went, and dropped there.
  func follow()
  /// Has `body` called if the ask is given up; for the handler of the same environment that has it.
  func watch(_ body: @escaping @Sendable () -> Void)
}

extension PendingAsk {
  var deadline: MonotonicTime { limit?.deadline ?? .distantFuture }

  /// Completes the ask with what came over the wire.
  ///
  /// A reply that cannot be decoded fails this ask and no other.
  func receive(_ response: borrowing TransportResponse) {
    switch response {
    case .success(let body): answer(named(ReplyContent.decode(body, as: Reply.self, from: source)))
    case .failure(let error):
      complete(.failure(named(RPCError(error))))
    }
  }

  /// The peer may be the first to see that the time is over: then it says so, and that it has not executed anything.
  private func named(_ result: Result<Reply, RPCError>) -> Result<Reply, RPCError> {
    guard case .failure(let error) = result, error.execution == .notExecuted else { return result }
    return .failure(named(error))
  }

  private func named(_ error: RPCError) -> RPCError { limit?.named(error, in: source?.env) ?? error }

  func answer(_ result: Result<Reply, RPCError>) { complete(result) }

  func refuse(_ error: RPCError) { fail(error) }

  /// Completes the ask with an error; one for lack of time says which setting governs.
  func fail(_ error: RPCError) {
    if complete(.failure(named(error))) { follow() }
  }
}

/// An ask whose task is suspended.
///
/// One allocation.
final class AsyncAsk<Reply: RPCValue>: PendingAsk {
  private let caller = SuspendedCaller<Result<Reply, RPCError>>()
  private let sent = SentRequest()
  /// Atomic, relaxed: written before the caller is resumed.
  private let answered = Atomic<Bool>(false)
  private let place = WatchedPlace()
  let source: MessageSource?
  let limit: AskLimit?

  init(from source: MessageSource?, until limit: AskLimit? = nil) {
    self.source = source
    self.limit = limit
  }

  var isAbandoned: Bool { caller.isDone }

  func wasPut(at place: Int) { self.place.set(place) }

  func wasSent(_ requestID: Int64, on client: TransportClient) {
    sent.wasSent(requestID, on: client)
    if isAbandoned { follow() }
  }

  func follow() { sent.follow() }

  func watch(_ body: @escaping @Sendable () -> Void) {
    sent.watch(body)
    if isAbandoned { body() }
  }

  @discardableResult
  func complete(_ result: Result<Reply, RPCError>) -> Bool { caller.resume(returning: result) }

  /// Whether an error is the endpoint's answer, and not of the way there and back; once it was waited for.
  var wasAnswered: Bool { answered.load(ordering: .relaxed) }

  func answer(_ result: Result<Reply, RPCError>) {
    if case .failure = result { answered.store(true, ordering: .relaxed) }
    complete(result)
  }

  func succeed(_ reply: Reply) { caller.resume(returning: .success(reply)) }

  /// Runs `start`, which sends the request, and waits for the reply.
  ///
  /// A cancelled task stops waiting at once.
  nonisolated(nonsending) func wait(_ start: () -> Void) async throws(RPCError) -> Reply {
    let result = await withTaskCancellationHandler {
      await caller.wait(fallback: .failure(.askCancelled), start)
    } onCancel: {
      fail(.askCancelled)
    }
    place.leave(self, in: source?.env)
    return try result.get()
  }
}

extension RPCError {
  static var askCancelled: RPCError { RPCError(.cancelled, "the ask was cancelled by who asked") }
}

/// An ask with a function to call.
///
/// One allocation.
final class CallbackAsk<Reply: RPCValue>: PendingAsk {
  private let onReply: @Sendable (Result<Reply, RPCError>) -> Void
  private let done = Atomic<Bool>(false)
  private let sent = SentRequest()
  private let place = WatchedPlace()
  let source: MessageSource?
  let limit: AskLimit?

  init(
    from source: MessageSource?, until limit: AskLimit? = nil,
    _ onReply: @escaping @Sendable (Result<Reply, RPCError>) -> Void
  ) {
    self.source = source
    self.limit = limit
    self.onReply = onReply
  }

  var isAbandoned: Bool { done.load(ordering: .relaxed) }

  func wasPut(at place: Int) { self.place.set(place) }

  func wasSent(_ requestID: Int64, on client: TransportClient) {
    sent.wasSent(requestID, on: client)
    if isAbandoned { follow() }
  }

  func follow() { sent.follow() }

  func watch(_ body: @escaping @Sendable () -> Void) {
    sent.watch(body)
    if isAbandoned { body() }
  }

  /// Not within the call that asks: the function may ask again, and be refused again, without an end.
  func refuse(_ error: RPCError) {
    guard let env = source?.env else { return fail(error) }
    env.later { [self] in fail(error) }
  }

  @discardableResult
  func complete(_ result: Result<Reply, RPCError>) -> Bool {
    if done.exchange(true, ordering: .acquiringAndReleasing) { return false }
    place.leave(self, in: source?.env)
    onReply(result)
    return true
  }

  func succeed(_ reply: Reply) { complete(.success(reply)) }
}
