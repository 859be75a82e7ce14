internal import MailroomQueue
internal import MailroomTransport
internal import Synchronization

/// Where an ask went, so that giving it up can follow it: to a connection under an id, or to a handler of the same environment.
///
/// ```
///   new ──► sent to a connection ──► follow: the connection forgets it, and tells a peer that knows of cancelling
///    └────► watched by a handler ──► follow: the handler is called
/// ```
///
/// - Thread safety: any thread. When an ask is given up in the very moment it is sent, following may miss it: the peer then answers
///   to nobody, and its handler runs to its deadline.
/// - Cost: no allocation until a handler watches.
struct SentRequest: ~Copyable, Sendable {
  final class Watcher: Sendable {
    let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  /// Atomic; written before `client`, which releases it.
  private let id = Atomic<Int64>(0)
  private let client = OnceReference<TransportClient>()
  private let watcher = OnceReference<Watcher>()

  /// The request went out.
  func wasSent(_ id: Int64, on client: TransportClient) {
    self.id.store(id, ordering: .relaxed)
    self.client.set(client)
  }

  /// Has `body` called if the ask is given up; the first one who says so.
  func watch(_ body: @escaping @Sendable () -> Void) { watcher.set(Watcher(body)) }

  /// The ask was answered, and nobody will follow it.
  ///
  /// For who has won the race to end the ask, so that nobody follows it, and behind ``wasSent(_:on:)``, which no request hears of that
  /// was answered. On the connection's event loop, but for a request that was never sent: the client is counted by the thread
  /// that counts it for all other requests.
  func end() { client.clear() }

  /// The ask was given up.
  func follow() {
    client.object?.cancel(id.load(ordering: .relaxed))
    watcher.object?.body()
  }
}
