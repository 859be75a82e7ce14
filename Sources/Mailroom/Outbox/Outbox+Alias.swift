internal import MailroomQueue
internal import MailroomTransport
internal import Synchronization

/// Several addresses of one peer.
extension Outbox {
  /// Whether messages go to another outbox.
  var isAlias: Bool { hasOriginal.load(ordering: .acquiring) }

  /// The route of the same endpoint in the outbox that this one is an alias of.
  func aliasedRoute(of route: RemoteRoute) -> RemoteRoute {
    guard let original = original.withLock({ $0 }) else { return route }
    // An original that has ended fails messages as this one does.
    return (try? original.route(to: route.name) { route.envelope }) ?? route
  }

  /// Hands everything to `other`, which leads to the same peer, from now on.
  ///
  /// On the loop, instead of the connection that was being made.
  func becomeAlias(of other: Outbox) {
    let core = core.value
    open.value = nil
    _ = core.state.handle(.stop)
    core.timer?.cancel()
    core.timer = nil
    let refused = MPSCQueue<OutboxMessage>()
    original.withLock { original in
      original = other
      _ = queue.close()
      while let message = core.lanes.popAny() ?? core.backlog.popFirst() ?? queue.popFirst() {
        if let message = other.adopt(message) { _ = refused.push(message) }
      }
    }
    hasOriginal.store(true, ordering: .releasing)
    endRoutes()
    // Without the lock, because it reaches user code.
    while let message = refused.popFirst() { fail(message, other.endError) }
  }

  /// Takes over a message of an alias; hands it back when this outbox has ended.
  func adopt(_ message: consuming OutboxMessage) -> OutboxMessage? {
    guard let route = try? route(to: message.route.name, envelope: { [envelope = message.route.envelope] in envelope })
    else { return message }
    message.redirect(to: route)
    return enqueue(message)
  }
}
