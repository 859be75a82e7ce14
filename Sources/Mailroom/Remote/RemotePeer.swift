internal import MailroomQueue
internal import MailroomTransport

/// The process at the other end of one connection: who it is, and the way back to it.
///
/// Endpoints are told of it once it is known: of one that this environment connected to when it has answered the
/// introduction, of one that connected to it with the first thing it sends.
///
/// ```
///   unknown ── it is known ──► onConnected ── connection ends ──► [onNetworkError] onDisconnected
///      └────────── connection ends, nothing is told
/// ```
///
/// - Thread safety: any thread, but for what says that it is the loop's.
final class RemotePeer: Sendable {
  private struct State {
    var id: RPCEnvID?
    var address: RPCAddress?
    var outbox: Outbox?
    var hasEnded = false
  }

  /// What the sockets between two processes may hold, whatever their out-buffers do: twice what Linux lets them grow to on large
  /// machines.
  private static let socketRoom = 64 * 1024 * 1024

  let client: TransportClient
  let env: RPCEnv
  /// What slows it down.
  let feed: InboxFeed
  /// Guarded by its lock.
  private let state = Locked(State())
  /// Loop-confined: the address that endpoints were told.
  private let announced = Confined<RPCAddress?>(nil)
  /// Loop-confined: what is kept of its envelopes; nil until it is told so, and none once the connection has ended.
  private let kept = Confined<PrefixLimits?>(nil)

  init(client: TransportClient, env: RPCEnv) {
    self.client = client
    self.env = env
    feed = InboxFeed(client, allowance: max(env.configuration.transport.overrun, Self.socketRoom))
  }

  /// Who it is; nil for a process of the reference system, and until it has introduced itself.
  var id: RPCEnvID? { state.withLock { $0.id } }

  /// Where it listens, or "host:port" of the connection's other end for one that does not, or has not said.
  var address: String { state.withLock { $0.address }?.hostPort ?? client.peer }

  /// Notes who it is; the first introduction counts.
  func introduce(_ introduction: Introduction, address: RPCAddress?) {
    state.withLock { state in
      if state.id == nil { state.id = introduction.id }
      if state.address == nil { state.address = address }
    }
  }

  // MARK: The way back

  /// The outbox whose connection this is, and which the peer may slow down.
  var outbox: Outbox? { state.withLock { $0.outbox } }

  /// Notes the outbox that made the connection.
  func belongs(to outbox: Outbox) { state.withLock { $0.outbox = outbox } }

  /// The outbox that sends over this very connection, and ends with it; made when there is none.
  func outboxOverThisConnection() -> Outbox? {
    state.withLock { state in
      if let outbox = state.outbox { return outbox }
      guard !state.hasEnded else { return nil }
      let outbox = Outbox(over: client, policy: env.outboxPolicy)
      state.outbox = outbox
      return outbox
    }
  }

  // MARK: Events, on the loop

  /// What this side keeps of the peer's envelopes, as the peer is told: the same every time.
  var envelopes: PrefixLimits {
    if let kept = kept.value { return kept }
    let limits = env.envelopes.take()
    kept.value = limits
    return limits
  }

  /// Whether endpoints were told of the peer.
  var isAnnounced: Bool { announced.value != nil }

  /// Tells the endpoints of the peer, unless they were.
  ///
  /// - Parameter address: where it listens; nil if it does not, and then it goes by its socket's address.
  func announce(_ address: RPCAddress?) {
    guard !isAnnounced, let peer = address ?? (try? RPCAddress(authority: client.peer[...])) else { return }
    announced.value = peer
    if address != nil { state.withLock { $0.address = peer } }
    if !env.isStopped { env.dispatcher.postToAll(.connected(peer)) }
  }

  /// The connection has ended.
  func didClose(_ error: TransportError?) {
    feed.end()
    if let kept = kept.value { env.envelopes.giveBack(kept) }
    kept.value = PrefixLimits.none
    let id = state.withLock { state in
      state.hasEnded = true
      return state.id
    }
    if let id, client.isOutgoing { env.forget(client, to: id) }
    if client.droppedOneWays > 0 {
      let text = "the connection to \(address) ended before it took them"
      env.report(
        RPCDeadLetter(
          endpoint: nil, peer: address, count: client.droppedOneWays,
          error: RPCError(.connectionLost, text, execution: .notExecuted)))
    }
    guard let peer = announced.value, !env.isStopped else { return }
    if let error { env.dispatcher.postToAll(.failed(RPCError(error), peer)) }
    env.dispatcher.postToAll(.disconnected(peer))
  }
}
