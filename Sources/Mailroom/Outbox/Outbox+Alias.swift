internal import MailroomQueue
internal import MailroomTransport
internal import Synchronization

/// Several addresses of one peer.
///
/// ```
///             has introduced itself as an environment to whose own
///             address there is a connection: hands everything over
///   ┌──────┐ ─────────────────────────────────────────────────────► ┌───────┐
///   │ own  │                                                        │ alias │  of the outbox for that address
///   └──────┘ ◄───────────────────────────────────────────────────── └───────┘
///             that connection has ended: another outbox takes over for the address
/// ```
///
/// An outbox becomes an alias only of the one whose address its own peer gave as the one it listens at, and that has met the
/// same environment there. So an environment can only send away what was meant for itself, and one that says it is another
/// gets nothing of what that one is sent. An address can come to stand for another environment; what is an alias therefore
/// ends with the connection by which that was found, and messages that still wait there go back to their own address.
extension Outbox {
  /// What an alias leads to.
  enum Original {
    /// The outbox for the peer's own address, as long as it has the connection of this number.
    case shared(Outbox, connection: Int)
    /// The outbox that took over for the address.
    case successor(Outbox)
  }

  /// Whether messages go to another outbox.
  var isAlias: Bool { hasOriginal.load(ordering: .acquiring) }

  /// The outbox that messages go to now; nil when there is none any more.
  func resolved() -> Outbox? {
    let (found, isVoid): (Outbox?, Bool) = original.withLock { original in
      switch original {
      case nil: (nil, false)
      case .successor(let outbox): (outbox, false)
      case .shared(let outbox, let connection):
        outbox.connectionNumber.load(ordering: .acquiring) == connection ? (outbox, false) : (nil, true)
      }
    }
    guard isVoid else { return found }
    guard let successor = policy.successor(self) else { return nil }
    original.withLock { $0 = .successor(successor) }
    return successor
  }

  /// Where messages for this outbox's address end up now: the last of the outboxes that took over from one another.
  private func destination() -> Outbox {
    var outbox = self
    while let next = outbox.resolved(), next !== outbox { outbox = next }
    return outbox
  }

  /// Takes the oldest message that was queued.
  ///
  /// One that came by an alias may have been on its way here while the connection ended by which the alias was found, and with it what
  /// made this the right place: it goes back, and is not for whoever is at this address now. On the loop.
  func popQueued() -> OutboxMessage? {
    while var message = queue.popFirst() {
      guard let home = message.home, home.outbox.destination() !== self else { return message }
      message.returnHome()
      home.outbox.post(message)
    }
    return nil
  }

  /// The route of the same endpoint in the outbox that messages go to now.
  func currentRoute(for route: RemoteRoute) -> RemoteRoute {
    guard let outbox = resolved(), outbox !== self else { return route }
    // One that has ended fails messages as this one does.
    return (try? outbox.route(to: route.name) { route.prefix.bytes })?.current ?? route
  }

  /// Hands everything to `other`, which leads to the same peer, as long as its connection lives.
  ///
  /// On the loop, instead of the connection that was being made.
  func becomeAlias(of other: Outbox, connection: Int) {
    let core = core.value
    open.value.client = nil
    _ = core.state.handle(.stop)
    core.timer?.cancel()
    core.timer = nil
    let refused = MPSCQueue<OutboxMessage>()
    original.withLock { original in
      original = .shared(other, connection: connection)
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
    guard let route = try? route(to: message.route.name, envelope: { [prefix = message.route.prefix] in prefix.bytes })
    else { return message }
    message.redirect(to: route)
    return enqueue(message)
  }

  /// Sends what belongs to aliases back to their own addresses: the connection that they were found by has ended.
  ///
  /// On the loop.
  func dismissAliases(_ core: OutboxCore) {
    let kept = MPSCQueue<OutboxMessage>()
    let dismissed = MPSCQueue<OutboxMessage>()
    func sort(_ message: consuming OutboxMessage) -> OutboxMessage? {
      if message.home == nil { return message }
      message.returnHome()
      _ = dismissed.push(message)
      return nil
    }
    core.lanes.filter(sort)
    while let message = core.backlog.popFirst() ?? queue.popFirst() {
      if let message = sort(message) { _ = kept.push(message) }
    }
    core.backlog = kept
    while let message = dismissed.popFirst() {
      let outbox = message.route.outbox
      outbox.post(message)
    }
  }
}
