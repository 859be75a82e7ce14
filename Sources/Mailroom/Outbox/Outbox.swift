internal import MailroomQueue
internal import MailroomTransport
internal import Synchronization

/// What goes to one other environment: queued while there is no connection, then sent in order.
///
/// Any thread posts; the outbox's event loop, which is also its connection's, drains. ``OutboxState`` says when it
/// connects and what fails when, ``OutboxLanes`` what is held back for endpoints that asked for a pause; this type performs it.
///
/// An outbox has an address and makes connections to it, or it is bound to a connection that the peer made, and ends with it:
/// the way back to a peer that does not listen.
///
/// Two addresses may turn out to be one peer's, once it has introduced itself: then the outbox of one becomes an alias of the other's,
/// see ``Original``, so that there is one connection.
///
/// - Ordering: messages of one thread to one endpoint are sent in the order given.
/// - Delivery: at most once. A message that was queued when connecting failed was certainly not sent.
/// - Bounds: what waits for one endpoint is counted by its ``RemoteRoute``, from before it is posted until it is sent or failed.
///   While the connection does not take more, messages stay here.
final class Outbox: LoopTask, TransportClientObserver {
  /// Messages sent in one go before others on the loop get their turn.
  static let budget = 4096
  /// Messages to one endpoint sent in one go while others are held back, with which they take turns.
  static let run = 64
  /// And their bytes: a small part of what makes a connection refuse what was held back.
  static let runBytes = 16 * 1024
  /// Bytes of messages that were held back, sent before the loop looks whether their endpoint wants another pause.
  static let laneBudget = 256 * 1024
  /// While a connection has no room, deadlines of what is queued are found out this much later at most.
  static let pace = Duration.milliseconds(50)

  /// Makes a connection, introduced and ready; reports once, on any thread.
  typealias Connect = @Sendable (Outbox, @escaping @Sendable (Result<TransportClient, RPCError>) -> Void) -> Void

  /// How an outbox deals with its peer.
  struct Policy: Sendable {
    var marks: FlowMarks
    var backoff: ReconnectBackoff
    /// Told of one-way messages to one endpoint that were certainly not sent, how many, and why.
    var onLost: @Sendable (RemoteRoute, _ count: Int, RPCError) -> Void
    /// The outbox that takes over for the address of one that is an alias no more.
    var successor: @Sendable (Outbox) -> Outbox? = { _ in nil }
  }

  /// Who is at the other end, for people: its address, or "host:port" of a connection.
  let peer: String
  /// Where the peer listens; nil for an outbox that is bound to a connection.
  let address: RPCAddress?
  let loop: EventLoop
  let policy: Policy
  let connect: Connect
  let queue = OutboxQueue()
  /// Loop-confined.
  let core: Confined<OutboxCore>
  /// Loop-confined: the connection, while nothing is taken from the queue and kept, held back or being sent.
  ///
  /// What stands in the core says the same; this says it in one read, because every message sent on the loop asks.
  let open = Confined(OpenClient())
  /// Guarded by its lock: the outbox that this one is an alias of.
  ///
  /// The lock is held while messages are handed over, so that who finds the queue closed comes behind them.
  let original = Locked<Original?>(nil)
  /// Atomic, set with release when messages may go to the original directly.
  let hasOriginal = Atomic<Bool>(false)
  /// Atomic; counts the connections that were had and lost, released when one ends.
  let connectionNumber = Atomic<Int>(0)
  /// Guarded by its lock: the routes by name; nil once the outbox has stopped.
  let routes = Locked<RemoteRoutes?>(RemoteRoutes())
  /// Atomic, relaxed: until when the peer is left alone, in nanoseconds; zero if it is not.
  let refusingUntil = Atomic<UInt64>(0)

  /// An outbox that connects to `address`.
  init(address: RPCAddress, loop: EventLoop, policy: Policy, connect: @escaping Connect) {
    peer = address.hostPort
    self.address = address
    self.loop = loop
    self.policy = policy
    self.connect = connect
    core = Confined(OutboxCore(state: OutboxState(), backoff: policy.backoff))
  }

  /// An outbox bound to a connection that is up.
  init(over client: TransportClient, policy: Policy) {
    peer = client.peer
    address = nil
    loop = client.loop
    self.policy = policy
    connect = { _, _ in }
    let bound = OutboxCore(state: OutboxState(isBound: true), backoff: policy.backoff)
    bound.client = client
    core = Confined(bound)
    loop.execute { [self] in client.observe(self) }
  }

  // MARK: Any thread

  /// The way to an endpoint, made when there is none.
  ///
  /// - Parameter envelope: what stands in front of messages to it.
  /// - Throws: ``RPCError`` with ``RPCError/Code/stopped`` or ``RPCError/Code/connectionLost`` when the outbox has ended.
  func route(to name: String, envelope: () throws(RPCError) -> [UInt8]) throws(RPCError) -> RemoteRoute {
    if let route = routes.withLock({ $0?[name] }) { return route }
    let made = RemoteRoute(outbox: self, name: name, envelope: try envelope(), marks: policy.marks)
    let route: RemoteRoute? = routes.withLock { routes in
      if routes == nil { return nil }
      if let route = routes?[name] { return route }
      routes?.insert(made)
      return made
    }
    if let route { return route }
    guard let outbox = resolved(), outbox !== self else { throw endError }
    return try outbox.route(to: name, envelope: envelope)
  }

  /// Queues a message that its route has admitted; it is sent, or fails.
  func post(_ message: consuming OutboxMessage) {
    if sendAlone(message) { return }
    if let message = enqueue(message) { fail(message, endError) }
  }

  /// Queues a message of the byte `tag` and `content` that its route has admitted; it is sent, or fails.
  ///
  /// For contents of up to ``OutboxBatch/longestContent``: nothing is allocated for it.
  func post(
    tag: UInt8, _ content: RawSpan, _ sink: consuming ReplySink?, deadline: MonotonicTime, to route: RemoteRoute,
    of home: RemoteRoute?
  ) {
    if home == nil, sink != nil, queue.isIdle,
      sendAlone(tag: tag, content, sink, deadline: deadline, to: route)
    {
      return
    }
    let pushed = queue.push(tag: tag, content, consume sink, deadline: deadline, to: route, of: home)
    if let message = didPush(pushed) { fail(message, endError) }
  }

  /// Queues a message, here or at the outbox that this one is an alias of; hands it back when that has ended.
  func enqueue(_ message: consuming OutboxMessage) -> OutboxMessage? { didPush(queue.push(message)) }

  private func didPush(_ pushed: consuming OutboxQueue.Pushed) -> OutboxMessage? {
    switch consume pushed {
    case .queued: return nil
    case .wake:
      // A loop that has ended leaves the messages to whoever posts the first one.
      if !loop.schedule(self) { queue.close { fail($0, .envStopped) } }
      return nil
    case .closed(let message):
      guard let outbox = resolved(), outbox !== self else { return message }
      return outbox.adopt(message)
    }
  }

  /// Throws why a message would fail at once, if it would: see ``refusal``.
  @inline(__always)
  func checkForRefusal() throws(RPCError) {
    // Not with the error at hand, which is large even where there is none.
    if !queue.isClosed && refusingUntil.load(ordering: .relaxed) == 0 { return }
    if let refusal { throw refusal }
  }

  /// Why a message would fail at once: the outbox has ended, or the peer is left alone; nil when it would not.
  ///
  /// - Cost: two loads while it would not.
  var refusal: RPCError? {
    // The lock is held while an outbox becomes an alias.
    if queue.isClosed { return original.withLock { $0 == nil } ? endError : nil }
    guard isRefusing else { return nil }
    return RPCError(
      .connectFailed, "connecting to \(peer) failed a moment ago; it is left alone for now", execution: .notExecuted)
  }

  /// Whether the peer is left alone for now.
  var isRefusing: Bool {
    let until = refusingUntil.load(ordering: .relaxed)
    return until != 0 && MonotonicTime.now.nanoseconds < until
  }

  /// Drops the routes that nobody has a reference or a message for.
  func dropUnusedRoutes() { routes.withLock { $0?.dropUnused() } }

  /// The connection, for a sender that is on its loop, if a message to that endpoint may go straight to it: it takes more, and
  /// nothing is overtaken.
  @inline(__always)
  func directClient(for route: RemoteRoute) -> TransportClient? {
    loop.isCurrent ? directClientOnLoop(for: route) : nil
  }

  private func directClientOnLoop(for route: RemoteRoute) -> TransportClient? {
    if let client = open.value.client, queue.isEmpty, client.isActive, client.isWritable { return client }
    return directClientAfterDraining(for: route)
  }

  /// Whether a message of `byteCount` bytes may go straight to the open connection, from a sender that is on its loop.
  @inline(__always)
  func isOpenHere(for byteCount: Int) -> Bool {
    loop.isCurrent && open.value.takesMessage(of: byteCount) && queue.isEmpty
  }

  private func directClientAfterDraining(for route: RemoteRoute) -> TransportClient? {
    let core = core.value
    guard let client = core.client, !core.isDraining else { return nil }
    // What has to go through its lane gains nothing by what is queued before it.
    if !core.lanes.isEmpty, let lane = core.lanes.lane(for: route), lane.isPaused || !sendsReady(client, core) {
      return nil
    }
    if !core.backlog.isEmpty || !queue.isEmpty || core.lanes.holdsReady { drain(core) }
    if !client.isActive { didLose(client) }
    guard core.client === client, core.backlog.isEmpty, queue.isEmpty, client.isWritable else { return nil }
    return core.lanes.isEmpty || !core.lanes.hasLane(for: route) ? client : nil
  }

  /// Fails what is queued and whatever comes later, and drops the connection.
  func stop() {
    loop.execute { [self] in
      open.value.client = nil
      core.value.client = nil
      perform(core.value.state.handle(.stop), .envStopped)
      settle()
    }
  }

  var endError: RPCError {
    address == nil
      ? RPCError(.connectionLost, "the connection to \(peer) has ended", execution: .notExecuted) : .envStopped
  }

  // MARK: The loop

  func runOnLoop() {
    core.value.laneBytes = 0
    perform(core.value.state.handle(.work(now: .now)), core.value.refusal)
    settle()
  }

  /// Does what can be done with what is queued, and lets the queue's consumer sleep when nothing is left in the queue.
  func settle() {
    let core = core.value
    guard !core.isDraining else { return }
    while true {
      if core.client == nil {
        // While connecting, messages wait in the backlog with their deadlines watched; the consumer stays awake for none.
        takeIntoBacklog(core)
        // What came since the state was last asked connects or fails, too: nobody else would see to it.
        if !core.backlog.isEmpty { perform(core.state.handle(.work(now: .now)), core.refusal) }
      } else if !drain(core) {
        // The rest waits in the queue, whose consumer stays awake, so that posting wakes nobody, until there is room.
        return lookLater(core)
      }
      if queue.sleep() != .notEmpty { return }
    }
  }

  func perform(_ action: OutboxState.Action, _ error: RPCError) {
    let core = core.value
    switch action {
    case .none: break
    case .connect: beginConnecting(core)
    case .drain: drain(core)
    case .failQueued:
      if core.state.state == .stopped {
        // Closed first: an asker that is told of the end may ask again at once.
        _ = queue.close()
        endRoutes()
      }
      failAll(error)
    case .closeConnection: break
    }
  }

  /// Lets go of the routes, which refer back, and of who waits for room in them.
  func endRoutes() {
    let ended = routes.withLock { routes in
      let ended = routes
      routes = nil
      return ended
    }
    for route in ended?.all ?? [] { route.gauge.close() }
  }

  func beginConnecting(_ core: OutboxCore) {
    refusingUntil.store(0, ordering: .relaxed)
    connect(self) { [self] result in
      if loop.isCurrent { return didEndConnecting(result) }
      // An attempt that never began is reported from elsewhere. With a loop that has ended there is nobody to tell but the queue.
      if !loop.execute({ [self] in didEndConnecting(result) }) { queue.close { fail($0, .envStopped) } }
    }
  }

  func didEndConnecting(_ result: Result<TransportClient, RPCError>) {
    switch result {
    case .success(let client): didConnect(client)
    case .failure(let error): didFailToConnect(error)
    }
  }

  func didConnect(_ client: TransportClient) {
    let core = core.value
    let action = core.state.handle(.connected)
    if action == .closeConnection { return client.close() }
    core.backoff.succeeded()
    // What ran out of time meanwhile is not sent, though its timer may not have come up. There is no client yet for
    // those who are told so to overtake others with.
    takeIntoBacklog(core)
    expire()
    core.client = client
    client.observe(self)
    perform(action, .envStopped)
    settle()
  }

  func didFailToConnect(_ error: RPCError) {
    let core = core.value
    let pause = core.backoff.failed(jitter: .random(in: 0...1))
    let retryAt = MonotonicTime.now.advanced(by: pause)
    core.refusal = error
    let action = core.state.handle(.connectFailed(retryAt: retryAt))
    if case .refusing = core.state.state, pause > .zero {
      refusingUntil.store(retryAt.nanoseconds, ordering: .relaxed)
    }
    perform(action, error)
  }

  /// The connection that `client` stands for has ended, or takes no more messages.
  ///
  /// Safe to call again.
  func didLose(_ client: TransportClient) {
    lose(client)
    settle()
  }

  func lose(_ client: TransportClient) {
    let core = core.value
    guard core.client === client else { return }
    open.value.client = nil
    core.client = nil
    connectionNumber.add(1, ordering: .releasing)
    core.lanes.resumeAll()
    dismissAliases(core)
    perform(core.state.handle(.lost), endError)
    if !core.backlog.isEmpty || !queue.isEmpty || core.lanes.holdsMessages {
      perform(core.state.handle(.work(now: .now)), core.refusal)
    }
  }

  func clientDidBecomeWritable(_ client: TransportClient) { settle() }

  func clientDidClose(_ client: TransportClient) { didLose(client) }

  /// The peer wants no more messages for one of its endpoints, for now.
  func pause(_ name: String, on client: TransportClient) {
    // A peer can only pause what something was sent to, so that it cannot make this side remember whatever it likes.
    guard core.value.client === client, routes.withLock({ $0?[name] != nil }) else { return }
    open.value.client = nil
    core.value.lanes.pause(name)
  }

  /// The peer takes messages for the endpoint again.
  func resume(_ name: String, on client: TransportClient) {
    guard core.value.client === client else { return }
    core.value.lanes.resume(name)
    settle()
  }
}
