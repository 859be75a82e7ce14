internal import MailroomQueue
internal import MailroomTransport
internal import Synchronization

/// What is known of a request of another process beside its content: what its ``RemoteCall`` is made of.
struct RemoteRequest: Sendable {
  /// Its number on the connection.
  let id: Int64
  /// Until when somebody waits for the answer; far away for a peer that has not said.
  let deadline: MonotonicTime
  /// What tells it over all attempts, if it is asked with retries.
  let key: RPCRequestKey?

  @inline(__always)
  init(_ responder: RPCResponder, key: RPCRequestKey? = nil) {
    id = responder.requestID
    deadline = responder.deadline
    self.key = key
  }
}

/// Requests of one connection on their way to whoever handles them, in their order; those that nobody takes are answered with
/// ``RPCError/Code/noReply`` when this goes.
///
/// Their calls are made where they are handled, one after the other by one object if nobody keeps it: so that a request costs
/// no allocation, and what is allocated is freed by the same thread.
///
/// - Thread safety: one thread at a time, each ordered after the one before: whoever has the batch that these are a part of.
final class RemoteRequests: Sendable {
  /// Who asks; there is a peer.
  private let source: MessageSource
  private let peer: RemotePeer
  private let list: [RemoteRequest]
  /// Atomic, relaxed: how many were taken.
  private let taken = Atomic<Int>(0)

  /// Nil when there are none.
  init?(_ list: [RemoteRequest], from source: MessageSource?) {
    guard !list.isEmpty, let source, let peer = source.peer else { return nil }
    self.list = list
    self.source = source
    self.peer = peer
  }

  deinit {
    while let request = next() { call(for: request).end() }
  }

  /// Takes the next one; nil behind the last.
  func next() -> RemoteRequest? {
    let index = taken.load(ordering: .relaxed)
    guard index < list.count else { return nil }
    taken.store(index + 1, ordering: .relaxed)
    return list[index]
  }

  /// The call of one that was taken.
  func call(for request: RemoteRequest) -> RemoteCall { RemoteCall(request, from: peer, source) }

  /// Answers those that nobody has taken with an error.
  func fail(_ error: RPCError) {
    while let request = next() {
      // Fails when it was answered, which nobody could have done.
      try? call(for: request).fail(error)
    }
  }
}
