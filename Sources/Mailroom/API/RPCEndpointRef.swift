internal import MailroomQueue
internal import MailroomTransport

/// A reference to an endpoint, through which messages are sent to it: of this process, or another.
///
/// - Thread safety: any thread.
/// - Ordering: what one thread sends through references to one endpoint arrives in the order sent, one-way messages and
///   requests in one sequence, as long as the connection lives.
/// - Delivery: at most once. Nothing is sent again.
///
/// A reference to an endpoint of the same environment hands values over as they are: no socket, no encoding. Otherwise the
/// caller's thread encodes, and errors of encoding are thrown right there.
public struct RPCEndpointRef: Sendable {
  enum Target: Sendable {
    case local(Inbox)
    case remote(RemoteRoute)
    /// No way there, and why.
    indirect case unreachable(RPCError)
  }

  /// What all copies of a reference share, so that a copy is one pointer.
  ///
  /// What a message over an open connection touches stands first, as long as a cache line: of many references each
  /// is another place in memory.
  final class Storage: Sendable {
    /// The outbox of ``route``, if there is one.
    let outbox: Outbox?
    /// The prefix of ``route``, or ``BodyPrefix/none``, and its length.
    let prefix: BodyPrefix
    let prefixLength: Int
    /// Confined to the loop of ``outbox``: what was settled of the prefix.
    let mark = SettledMark()
    let env: RPCEnv
    /// The way there, if the endpoint is of another process: what `target` says, without a look at the other cases.
    let route: RemoteRoute?
    /// The endpoint's inbox, if it is of this environment: what `target` says, too.
    let inbox: Inbox?
    let source: MessageSource
    let name: String
    let address: RPCAddress?
    let target: Target
    let owner: RPCEnvID?
    /// The environment's: reached from here without being counted.
    let localDeadlines: LocalDeadlines

    init(_ name: String, _ address: RPCAddress?, _ target: Target, _ source: MessageSource, _ owner: RPCEnvID?) {
      self.name = name
      self.address = address
      self.target = target
      if case .remote(let route) = target { self.route = route } else { route = nil }
      outbox = route?.outbox
      prefix = route?.prefix ?? .none
      prefixLength = prefix.byteCount
      if case .local(let inbox) = target { self.inbox = inbox } else { inbox = nil }
      self.source = source
      self.owner = owner
      env = source.env
      localDeadlines = source.env.localDeadlines
    }
  }

  let storage: Storage

  init(
    name: String, address: RPCAddress?, target: Target, env: RPCEnv, owner: RPCEnvID? = nil, peer: RemotePeer? = nil
  ) {
    storage = Storage(name, address, target, MessageSource(env: env, peer: peer), owner)
  }

  /// The endpoint's name.
  public var name: String { storage.name }
  /// The address of the endpoint's environment; nil when it does not listen.
  public var address: RPCAddress? { storage.address }
  var target: Target { storage.target }
  var env: RPCEnv { storage.env }
  /// The connection that is the only way there, for an endpoint of a peer that does not listen.
  var peer: RemotePeer? { source.peer }
  /// The environment the endpoint belongs to, when that has no address to tell it by.
  var owner: RPCEnvID? { storage.owner }
  /// What references in replies are bound to.
  private var source: MessageSource { storage.source }

  // MARK: One-way

  /// Sends a message, and does not wait for it to arrive.
  ///
  /// - Throws: ``RPCError``: ``RPCError/Code/full`` when too much waits on the way already; ``RPCError/Code/stopped`` after
  ///   shutdown; ``RPCError/Code/unencodable`` and ``RPCError/Code/tooLarge`` for a message that cannot be sent;
  ///   ``RPCError/Code/endpointStopped`` when the endpoint is of this environment and was stopped;
  ///   ``RPCError/Code/connectFailed`` while the peer is left alone because connecting to it has failed;
  ///   ``RPCError/Code/connectionLost`` when the endpoint's environment does not listen and its connection has ended. What
  ///   happens to the message later is not known to the sender; see ``RPCConfiguration/onDeadLetter``.
  public func send<Message: RPCMessage>(_ message: Message) throws(RPCError) {
    switch target {
    case .local(let inbox): try sendLocal(LocalOneWay(message), to: inbox)
    case .remote(let route):
      try sendRemote(route, MessageHead.of(Message.self)) { (writer) throws(RPCError) in
        try Self.write(message, to: &writer)
      }
    case .unreachable(let error): throw error
    }
  }

  /// Sends raw bytes, the fastest message there is; as ``send(_:)``.
  ///
  /// - Throws: as ``send(_:)``.
  public func send(bytes: RawSpan) throws(RPCError) {
    if storage.isOpenHere(for: bytes) { return storage.sendDirectly(bytes) }
    if storage.route == nil { return try storage.sendLocal(bytes.array()) }
    // Not unwrapped, for that would count what is wrapped.
    try storage.route?.send(bytes, in: storage.env)
  }

  /// Sends raw bytes, the fastest message there is; as ``send(_:)``.
  ///
  /// - Throws: as ``send(_:)``.
  public func send(bytes: [UInt8]) throws(RPCError) {
    if storage.isOpenHere(for: bytes.rawSpan) { return storage.sendDirectly(bytes.rawSpan) }
    if storage.route == nil { return try storage.sendLocal(bytes) }
    try storage.route?.send(bytes.rawSpan, in: storage.env)
  }

  // MARK: Ask

  /// Asks, and waits for the reply without blocking a thread.
  ///
  /// A cancelled task stops waiting; a request that was not sent by then is not sent. When a queue on the way is full, the ask waits
  /// for room first, up to its timeout.
  ///
  /// - Parameters:
  ///   - request: what to ask.
  ///   - timeout: how long to wait; by default ``RPCConfiguration/askTimeout``.
  /// - Returns: the reply.
  /// - Throws: ``RPCError``. Every ask ends: with the reply, the handler's failure, ``RPCError/Code/timeout``,
  ///   ``RPCError/Code/cancelled`` (no `CancellationError`), ``RPCError/Code/connectionLost``, ``RPCError/Code/connectFailed``,
  ///   ``RPCError/Code/stopped``, or ``RPCError/Code/full`` when no room came in time; or with what the other side says:
  ///   ``RPCError/Code/endpointNotFound``, ``RPCError/Code/endpointStopped``, ``RPCError/Code/unsupportedMessage``,
  ///   ``RPCError/Code/undecodable``, ``RPCError/Code/noReply``. ``RPCError/execution`` says whether asking again could execute
  ///   the request twice.
  public nonisolated(nonsending) func ask<Request: RPCRequest>(
    _ request: Request, timeout: Duration? = nil
  ) async throws(RPCError) -> Request.Reply {
    var wasAnswered = false
    return try await ask(request, timeout, key: nil, wasAnswered: &wasAnswered)
  }

  /// - Parameter wasAnswered: whether an error is the endpoint's answer.
  nonisolated(nonsending) func ask<Request: RPCRequest>(
    _ request: Request, _ timeout: Duration?, key: RPCRequestKey?, wasAnswered: inout Bool
  ) async throws(RPCError) -> Request.Reply {
    var limit = AskLimit(timeout, storage.env)
    while true {
      do throws(RPCError) {
        if let route = storage.route {
          let ask = RemoteAsk(until: limit)
          return try await ask.reply(as: Request.Reply.self, from: storage.source, wasAnswered: &wasAnswered) {
            start(request, over: route, ask, limit, key: key)
          }
        }
        let ask = AsyncAsk<Request.Reply>(from: source, until: limit)
        defer { wasAnswered = ask.wasAnswered }
        return try await ask.wait { start(request, ask, limit, key: key) }
      } catch {
        guard error.isForLackOfRoom else { throw error }
        try await waitForRoom(until: limit.deadline, or: error)
        limit.didWait()
      }
    }
  }

  /// Asks with a function that is called with the reply or the error, exactly once: the form with the lowest latency.
  ///
  /// `onReply` runs on an event loop, or for an endpoint of the same environment where the endpoint replies, and never within this
  /// call. It must not block. When a queue on the way is full, it gets ``RPCError/Code/full``.
  ///
  /// - Returns: the means to give the ask up.
  @discardableResult
  public func ask<Request: RPCRequest>(
    _ request: Request, timeout: Duration? = nil,
    onReply: @escaping @Sendable (Result<Request.Reply, RPCError>) -> Void
  ) -> RPCAskHandle {
    let limit = AskLimit(timeout, env)
    let ask = CallbackAsk(from: source, until: limit, onReply)
    start(request, ask, limit)
    return RPCAskHandle(ask: ask)
  }

  /// Asks with raw bytes for raw bytes; as ``ask(_:timeout:)``.
  ///
  /// - Throws: as ``ask(_:timeout:)``.
  public nonisolated(nonsending) func ask(
    bytes: [UInt8], timeout: Duration? = nil
  ) async throws(RPCError) -> [UInt8] {
    var limit = AskLimit(timeout, storage.env)
    while true {
      do throws(RPCError) {
        if storage.route != nil {
          let ask = RemoteAsk(until: limit)
          return try await ask.bytes(from: storage.source) { storage.start(bytes.rawSpan, ask, limit) }
        }
        let ask = LocalBytesAsk(in: env, until: limit)
        return try await ask.wait { storage.startLocal(bytes, ask) }
      } catch {
        guard error.isForLackOfRoom else { throw error }
        try await waitForRoom(until: limit.deadline, or: error)
        limit.didWait()
      }
    }
  }

  /// Asks with raw bytes and a function that borrows the reply: nothing is allocated for a remote endpoint on its event loop.
  ///
  /// As ``ask(_:timeout:onReply:)``, but it cannot be given up.
  public func ask(
    bytes: RawSpan, timeout: Duration? = nil, onReply: consuming @escaping @Sendable (borrowing RPCBytesReply) -> Void
  ) {
    if timeout == nil && storage.isOpenHere(for: bytes) {
      storage.askDirectly(bytes, consume onReply)
    } else {
      ask(bytes, timeout, consume onReply)
    }
  }

  /// As ``ask(bytes:timeout:onReply:)``, whatever the way there.
  private func ask(
    _ bytes: RawSpan, _ timeout: Duration?, _ onReply: @escaping @Sendable (borrowing RPCBytesReply) -> Void
  ) {
    if storage.route != nil {
      do throws(RPCError) {
        let limit = timeout.map { AskLimit($0, env) }
        let sink = ReplySink.bytes(onReply, asker: source, hasOwnTimeout: limit != nil)
        return try storage.route?.ask(bytes, limit, sink, in: env) ?? ()
      } catch {
        return later(error, onReply)
      }
    }
    storage.startLocal(bytes.array(), LocalBytesAsk(in: env, until: AskLimit(timeout, env), onReply))
  }

  private func later(_ error: RPCError, _ onReply: @escaping @Sendable (borrowing RPCBytesReply) -> Void) {
    env.later { onReply(RPCBytesReply(error: error)) }
  }
}

extension RPCEndpointRef {
  /// Asks with raw bytes and a function that borrows the reply; as ``ask(bytes:timeout:onReply:)``.
  public func ask(
    bytes: [UInt8], timeout: Duration? = nil,
    onReply: consuming @escaping @Sendable (borrowing RPCBytesReply) -> Void
  ) {
    if storage.outbox != nil { return ask(bytes: bytes.rawSpan, timeout: timeout, onReply: consume onReply) }
    storage.startLocal(bytes, LocalBytesAsk(in: env, until: AskLimit(timeout, env), consume onReply))
  }
}

extension RPCEndpointRef: Hashable, CustomStringConvertible {
  /// Whether both stand for the endpoint of one name at one address, or are the same client-mode endpoint.
  public static func == (left: RPCEndpointRef, right: RPCEndpointRef) -> Bool {
    guard left.name == right.name, left.address == right.address else { return false }
    return left.address != nil || left.owner == right.owner
  }

  /// Hashes name, address and owner.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(name)
    hasher.combine(address)
    if address == nil { hasher.combine(owner) }
  }

  /// The endpoint's URI.
  public var description: String {
    (try? RPCEndpointAddress(name: name, rpcAddress: address).description) ?? name
  }
}
