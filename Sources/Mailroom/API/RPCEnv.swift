internal import Logging
internal import MailroomQueue
internal import MailroomTransport
internal import Synchronization

/// An environment: the endpoints of one process, or of a part of one, and its connections to others.
///
/// In server mode it listens, and its endpoints can be reached by URI. In client mode it only opens connections.
///
/// - Thread safety: any thread.
/// - Resources: an environment has threads and sockets until ``shutdown()``; dropping it does not end it.
public final class RPCEnv: Sendable {
  /// The environment's name, for people.
  public let name: String
  /// What tells it from every other environment.
  public let id = RPCEnvID.random()
  /// The settings it was made with.
  public let configuration: RPCConfiguration

  /// The configuration's ask timeout.
  let askTimeoutNanoseconds: UInt64
  let dispatcher: Dispatcher
  let localDeadlines: LocalDeadlines
  let group: EventLoopGroup
  /// What is kept of peers' envelopes.
  let envelopes = EnvelopeAllowance()
  private let handlerTables = HandlerTables()
  /// Guarded by its lock.
  let state = Locked(State())
  /// Atomic; the first to set it shuts down.
  let stopped = Atomic<Bool>(false)
  /// Atomic, relaxed: a count.
  private let undeliverable = Atomic<Int>(0)

  struct State {
    var address: RPCAddress?
    var server: TransportServer?
    var factory: TransportClientFactory?
    var outboxes = OutboxTable()
    /// The connections to environments at the addresses that these listen at.
    var introduced: [RPCEnvID: OwnConnection] = [:]
    var hasEnded = false
    var onEnd: [@Sendable () -> Void] = []
    var watchdog: Task<Void, Never>?
  }

  private init(name: String, configuration: RPCConfiguration) throws(RPCError) {
    try configuration.checkProcessors()
    self.name = name
    self.configuration = configuration
    askTimeoutNanoseconds = MonotonicTime.nanoseconds(in: configuration.askTimeout)
    do throws(TransportError) {
      group = try EventLoopGroup(
        count: configuration.eventLoops, name: Dispatcher.eventLoopName, busyPoll: configuration.busyPoll,
        processors: configuration.eventLoopProcessors)
    } catch {
      throw RPCError(error)
    }
    let bounds = InboxBounds(
      messages: configuration.maximumInboxMessages, bytes: configuration.maximumInboxBytes)
    dispatcher = Dispatcher(
      sharedThreads: configuration.messageLoopThreads, spin: SpinBudget(maximum: configuration.busyPoll),
      processors: configuration.messageLoopProcessors,
      bounds: bounds, group: group)
    localDeadlines = LocalDeadlines(loop: group.next())
  }

  private func open() {
    // Keeps the environment, whoever else lets go of it, until `shutdown` has ended it.
    let factory = TransportClientFactory(group: group, configuration: configuration.transport) { [self] client in
      RemoteHandler(RemotePeer(client: client, env: self))
    }
    state.withLock { $0.factory = factory }
    if let threshold = configuration.slowTurnThreshold {
      let watchdog = Task { [dispatcher, configuration] in
        await Watchdog.run(dispatcher, configuration, threshold: threshold)
      }
      state.withLock { $0.watchdog = watchdog }
    }
  }

  // MARK: Making

  /// Starts an environment that listens.
  ///
  /// - Parameters:
  ///   - name: for people.
  ///   - host: the address or name to bind to.
  ///   - port: 0 for one that the system chooses, or 1024 to 65535. If it is taken, the ports behind it are tried, as many as
  ///     ``RPCConfiguration/portRetries`` says, and the log names the one that was free.
  ///   - advertisedHost: the host that others reach this one by, if it is another than `host`.
  ///   - configuration: the settings.
  /// - Throws: ``RPCError``: ``RPCError/Code/invalidArgument``, ``RPCError/Code/invalidAddress``,
  ///   ``RPCError/Code/bindFailed``, ``RPCError/Code/unresolvableHost``.
  public static func start(
    name: String, host: String = "127.0.0.1", port: Int = 0, advertisedHost: String? = nil,
    configuration: RPCConfiguration = .init()
  ) async throws(RPCError) -> RPCEnv {
    guard port == 0 || (1024...65535).contains(port) else {
      throw RPCError(.invalidArgument, "a port is 0 or 1024 to 65535, not \(port)", execution: .notExecuted)
    }
    let bind = try RPCAddress(host: host, port: port)
    let advertised = try RPCAddress(host: advertisedHost ?? host, port: port)
    let env = try RPCEnv(name: name, configuration: configuration)
    env.open()
    do throws(RPCError) {
      let server = try await env.listen(bind)
      let address = try RPCAddress(host: advertised.host, port: server.port)
      env.state.withLock { state in
        state.server = server
        state.address = address
      }
    } catch {
      await env.shutdown()
      throw error
    }
    return env
  }

  /// Makes an environment that does not listen.
  ///
  /// - Throws: ``RPCError`` when the system has no thread or descriptor to give; ``RPCError/Code/invalidArgument``.
  public static func client(
    name: String, configuration: RPCConfiguration = .init()
  ) async throws(RPCError) -> RPCEnv {
    let env = try RPCEnv(name: name, configuration: configuration)
    env.open()
    return env
  }

  private func listen(_ address: RPCAddress) async throws(RPCError) -> TransportServer {
    var retries = 0
    while true {
      // Wraps within the ports that are free for users, as the reference does.
      let port = address.port == 0 ? 0 : (address.port + retries - 1024) % (65536 - 1024) + 1024
      do throws(TransportError) {
        let server = try await TransportServer.start(
          group: group, host: address.dialHost, port: port, configuration: configuration.transport
        ) { [self] client in RemoteHandler(RemotePeer(client: client, env: self)) }
        if port != address.port {
          configuration.logger.warning(
            "The environment \(name) listens on the port \(port), for \(address.port) is taken")
        }
        return server
      } catch {
        guard error.reason == .addressInUse, retries < configuration.portRetries else { throw RPCError(error) }
        retries += 1
      }
    }
  }

  /// The address that others reach this environment by; nil in client mode.
  public var address: RPCAddress? { state.withLock { $0.address } }

  /// One-way messages that could not be delivered: that came for no endpoint, or were certainly not sent.
  ///
  /// ``RPCConfiguration/onDeadLetter`` is told of each.
  public var undeliverableMessages: Int { undeliverable.load(ordering: .relaxed) }

  // MARK: Endpoints

  /// Registers an endpoint under a name; its `onStart` runs soon, before any message.
  ///
  /// - Parameters:
  ///   - name: 1 to 65535 ASCII characters that a URI's user-info may have unescaped.
  ///   - endpoint: belongs to the environment from now on.
  ///   - dispatch: where its handlers run.
  /// - Returns: a reference to it.
  /// - Throws: ``RPCError``: ``RPCError/Code/endpointExists``, ``RPCError/Code/invalidAddress`` for the name,
  ///   ``RPCError/Code/invalidArgument`` when two message types have one wire name, or for threads that the endpoint cannot use,
  ///   ``RPCError/Code/stopped``.
  @discardableResult
  public func register<Endpoint: RPCEndpoint>(
    _ name: String, _ endpoint: sending Endpoint, on dispatch: RPCDispatch = .shared
  ) throws(RPCError) -> RPCEndpointRef {
    if isStopped { throw .envStopped }
    _ = try RPCEndpointAddress(name: name, rpcAddress: nil)
    if name == RemoteHandler.verifierName || name == Introduction.endpointName {
      throw RPCError(.endpointExists, "the name \(name) is used by the environment itself", execution: .notExecuted)
    }
    let cell = EndpointCell(endpoint, try handlerTables.table(of: Endpoint.self), name: name, env: self)
    let address = address
    return try dispatcher.register(name, cell, on: dispatch) { inbox in
      RPCEndpointRef(name: name, address: address, target: .local(inbox), env: self, owner: id)
    }
  }

  /// The reference to a registered endpoint object; nil from right before its `onStop` on, and for others.
  ///
  /// For use inside of the endpoint, with `self`: outside, the object belongs to its inbox, and what ``register(_:_:on:)`` returned is kept.
  public func endpointRef(of endpoint: some RPCEndpoint) -> RPCEndpointRef? {
    dispatcher.reference(of: ObjectIdentifier(endpoint))
  }

  /// Stops an endpoint of this environment: messages that are queued are handled, then `onStop` runs.
  ///
  /// Safe to call again.
  ///
  /// The name is free at once. A reference to an endpoint of another environment stops nothing.
  public func stop(_ ref: RPCEndpointRef) {
    if case .local(let inbox) = ref.target, ref.env === self { dispatcher.stop(inbox) }
  }
}

// MARK: - Told by connections

extension RPCEnv {
  /// One-way messages could not be delivered.
  func report(_ letter: RPCDeadLetter) {
    undeliverable.add(letter.count, ordering: .relaxed)
    configuration.onDeadLetter?(letter)
  }

  /// Runs `body` soon, and not within the caller's call: on an event loop, as long as there is one.
  func later(_ body: @escaping @Sendable () -> Void) {
    if !group.next().execute(body) { Task { body() } }
  }

  /// How outboxes of this environment behave.
  var outboxPolicy: Outbox.Policy {
    Outbox.Policy(
      marks: FlowMarks(messages: configuration.maximumOutboxMessages, bytes: configuration.maximumOutboxBytes),
      backoff: ReconnectBackoff(first: configuration.reconnectDelay, maximum: configuration.maximumReconnectDelay),
      onLost: { [self] route, count, error in
        report(RPCDeadLetter(endpoint: route.name, peer: route.outbox.peer, count: count, error: error))
      },
      successor: { [self] outbox in successor(of: outbox) })
  }

  /// A connection that was made to the address that its peer listens at.
  struct OwnConnection {
    let outbox: Outbox
    let client: TransportClient
    /// Which of the outbox's connections it is.
    let number: Int
  }

  /// The connection to the very environment that `outbox` has just met, if there is one under the environment's own address.
  ///
  /// If `outbox` has that address, its connection is the one from now on.
  func connection(to peer: Introduction, orElse outbox: Outbox, _ client: TransportClient) -> OwnConnection? {
    state.withLock { state in
      if peer.address == outbox.address {
        let number = outbox.connectionNumber.load(ordering: .acquiring)
        state.introduced[peer.id] = OwnConnection(outbox: outbox, client: client, number: number)
        return nil
      }
      guard let known = state.introduced[peer.id], known.outbox.address == peer.address else { return nil }
      return known
    }
  }

  /// A connection to the environment `id` has ended.
  func forget(_ client: TransportClient, to id: RPCEnvID) {
    state.withLock { state in
      if state.introduced[id]?.client === client { state.introduced[id] = nil }
    }
  }

  /// The outbox that takes over for the address of `outbox`, which was an alias; nil when the environment has ended.
  private func successor(of outbox: Outbox) -> Outbox? {
    guard let address = outbox.address else { return nil }
    state.withLock { $0.outboxes.remove(outbox, at: address) }
    return try? self.outbox(for: address)
  }

  /// The outbox for an address, made when there is none.
  func outbox(for address: RPCAddress) throws(RPCError) -> Outbox {
    let (outbox, dropped): (Outbox?, [Outbox]) = state.withLock { state in
      if let outbox = state.outboxes[address] { return (outbox, []) }
      guard let factory = state.factory, !isStopped else { return (nil, []) }
      let outbox = Outbox(address: address, loop: group.next(), policy: outboxPolicy) { [self] outbox, onResult in
        PeerConnector.connect(outbox, to: address, with: factory, env: self, onResult)
      }
      return (outbox, state.outboxes.insert(outbox, at: address))
    }
    // Let go of here, because ending is nothing to be done with the lock held.
    _ = dropped
    guard let outbox else { throw .envStopped }
    return outbox
  }
}
