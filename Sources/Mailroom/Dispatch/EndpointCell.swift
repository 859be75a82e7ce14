internal import MailroomQueue
internal import MailroomTransport

/// An endpoint, as its inbox sees it: where messages of any type go in.
///
/// Consumer-confined; of a concurrent endpoint, messages and events are delivered by several threads at the same time, between
/// ``start(_:)`` and ``stop()``, which stay alone.
protocol EndpointDelivery: AnyObject, Sendable {
  /// Whether handlers may run at the same time.
  var isConcurrent: Bool { get }
  func start(_ me: RPCEndpointRef)
  func stop()
  /// Runs the handler for a message of another process, or returns it if it may suspend: to be started by whoever has the turn.
  ///
  /// `content` is valid during the call only.
  /// Its origin comes in parts, for one that is put together is counted.
  func deliver(_ content: RawSpan, _ call: RemoteCall?, from source: MessageSource?) -> HandlerTask?
  /// The handlers for a wire name.
  ///
  /// For any thread, at any time.
  func handlers(named name: RawSpan) -> TypeHandlers
  /// As ``deliver(_:_:from:)``, for a typed message whose handler is known: `value` is what follows the head, and `handler` is the one of
  /// ``handlers(named:)`` for messages, or with a call for requests.
  func deliver(_ value: RawSpan, to handler: Int, _ call: RemoteCall?, from source: MessageSource?) -> HandlerTask?
  /// Runs the handler for a message of the same environment, or returns it if it may suspend.
  func deliver(_ message: any LocalMessage) -> HandlerTask?
  /// Runs the handler for raw bytes of the same environment.
  func deliver(_ bytes: [UInt8])
  /// Runs the handler for raw bytes of the same environment that want an answer; there is a call.
  func deliver(_ bytes: [UInt8], _ call: LocalBytesCall?)
  /// Runs the callback for something that happened to a connection.
  func deliver(_ event: PeerEvent)
  /// The endpoint's object, to find its reference by.
  var identity: ObjectIdentifier { get }
  /// Where it is in memory.
  var places: EndpointPlaces { get }
}

/// An endpoint of a known type and its handlers.
final class EndpointCell<Endpoint: RPCEndpoint>: EndpointDelivery {
  /// Consumer-confined: opened only in a turn of the inbox, by the suspended handler that the turn waits for, and by the
  /// crew of a concurrent endpoint, who only read.
  ///
  /// The object is lent to its handlers without being counted: it is let go of in the last turn of the inbox, when no handler runs, so it outlives every
  /// handler that it is lent to. Then this is empty, because an endpoint may keep the reference to itself, which keeps this cell.
  private let seat: LentObject
  private let handlers: RPCHandlers<Endpoint>
  let isConcurrent: Bool
  /// Consumer-confined: which entry the last typed message and request were for; not used by a concurrent endpoint.
  private let lastHit = Confined<(message: Int, request: Int)>((0, 0))
  private let env: RPCEnv
  private let errors: ErrorLog
  let identity: ObjectIdentifier

  var places: EndpointPlaces {
    EndpointPlaces(cell: MemoryPlace(of: self), object: MemoryPlace(of: identity))
  }

  init(_ endpoint: sending Endpoint, _ handlers: RPCHandlers<Endpoint>, name: String, env: RPCEnv) {
    identity = ObjectIdentifier(endpoint)
    isConcurrent = Endpoint.self is any RPCConcurrentEndpoint.Type
    seat = LentObject(endpoint)
    self.handlers = handlers
    self.env = env
    errors = ErrorLog(of: name, in: env.configuration.logger)
  }

  func start(_ me: RPCEndpointRef) { guarded { endpoint in try endpoint.onStart(me) } }

  func stop() {
    guarded { endpoint in try endpoint.onStop() }
    seat.clear()
    errors.end()
  }

  func deliver(_ event: PeerEvent) {
    guarded { endpoint in
      switch event {
      case .connected(let peer): try endpoint.onConnected(peer)
      case .disconnected(let peer): try endpoint.onDisconnected(peer)
      case .failed(let error, let peer): try endpoint.onNetworkError(error, peer)
      }
    }
  }

  private func guarded(_ body: (Endpoint) throws -> Void) {
    guard let endpoint = seat[Endpoint.self].object else { return }
    do { try body(endpoint) } catch { tell(endpoint, error, isRequest: false) }
  }

  /// Tells an endpoint of an error; one without an `onError` of its own has it logged, if it is not a request's, whose asker knows.
  @inline(never)
  private func tell(_ endpoint: Endpoint, _ error: any Error, isRequest: Bool) {
    if isRequest { return endpoint.onError(error) }
    ErrorLog.$current.withValue(errors) { endpoint.onError(error) }
  }

  func deliver(_ content: RawSpan, _ call: RemoteCall?, from source: MessageSource?) -> HandlerTask? {
    seat[Endpoint.self].handle(content, TypeHandlers.missing, call, source, by: self)
  }

  func deliver(_ value: RawSpan, to handler: Int, _ call: RemoteCall?, from source: MessageSource?) -> HandlerTask? {
    seat[Endpoint.self].handle(value, handler, call, source, by: self)
  }

  func handlers(named name: RawSpan) -> TypeHandlers {
    TypeHandlers(
      message: handlers.messages.firstIndex { name.equals($0.name) } ?? TypeHandlers.missing,
      request: handlers.requests.firstIndex { name.equals($0.name) } ?? TypeHandlers.missing)
  }

  /// Runs the handler for a message of another process, or returns it if it may suspend.
  @inline(__always)
  fileprivate func handle(
    _ content: RawSpan, _ handler: Int, _ call: RemoteCall?, _ source: MessageSource?, _ endpoint: Endpoint
  ) -> HandlerTask? {
    do {
      guard
        let handler = handler < 0
          ? try run(content, call, source, endpoint) : try run(value: content, handler, call, source, endpoint)
      else { return nil }
      let task = task(handler, isRequest: call != nil)
      call?.onAbandon { task.cancel() }
      return task
    } catch {
      // Fails when the handler has answered: then the error is for the endpoint only.
      try? call?.fail(Content.failure(of: error))
      tell(endpoint, error, isRequest: call != nil)
      return nil
    }
  }

  /// The task of a handler that may suspend.
  ///
  /// The one place where they are made.
  private func task(_ handler: @escaping AsyncHandler<Endpoint>, isRequest: Bool) -> HandlerTask {
    HandlerTask { [self] in await run(handler, isRequest: isRequest) }
  }

  private func run(_ handler: AsyncHandler<Endpoint>, isRequest: Bool) async {
    guard let endpoint = seat[Endpoint.self].object else { return }
    do { try await handler(endpoint) } catch { tell(endpoint, error, isRequest: isRequest) }
  }

  @inline(__always)
  private func run(
    _ content: RawSpan, _ call: RemoteCall?, _ source: MessageSource?, _ endpoint: Endpoint
  ) throws -> AsyncHandler<Endpoint>? {
    switch content.byte(at: 0) {
    case Content.raw:
      let bytes = content.dropping(1)
      // Not unwrapped, for that would count what is wrapped.
      if call != nil {
        try ask(endpoint, bytes, RPCBytesCallContext(remote: call))
      } else {
        if handlers.onBytes == nil { throw unsupported("raw bytes") }
        try handlers.onBytes?(endpoint, bytes)
      }
      return nil
    case Content.typed:
      var reader = RPCReader(content, from: source ?? MessageSource(env: env))
      let name: RawSpan
      do {
        _ = try reader.readByte()
        let count = try reader.readCount()
        name = try reader.read(count: count)
      } catch {
        throw RPCError(.undecodable, "the name of the type: \(error)", execution: .notExecuted, cause: error)
      }
      guard let entry = entry(named: name, isRequest: call != nil) else {
        throw unsupported(name.utf8String() ?? "a name that is not UTF-8")
      }
      return try entry.decodeAndRun(endpoint, &reader, call)
    case Content.java: throw unsupported("a Java object")
    case let other:
      throw RPCError(
        .undecodable, other.map { "content that begins with \($0)" } ?? "empty content", execution: .notExecuted)
    }
  }

  /// As ``run(_:_:_:_:)``, for what follows the head of a typed message.
  @inline(__always)
  private func run(
    value: RawSpan, _ handler: Int, _ call: RemoteCall?, _ source: MessageSource?, _ endpoint: Endpoint
  ) throws -> AsyncHandler<Endpoint>? {
    let entries = call == nil ? handlers.messages : handlers.requests
    guard handler < entries.count else { throw unsupported("its message number \(handler)") }
    var reader = RPCReader(value, from: source ?? MessageSource(env: env))
    return try entries[handler].decodeAndRun(endpoint, &reader, call)
  }

  /// The entry for a wire name.
  ///
  /// Messages of one type tend to come in runs, so the last hit is tried first.
  private func entry(named name: RawSpan, isRequest: Bool) -> RPCHandlers<Endpoint>.Entry? {
    let entries = isRequest ? handlers.requests : handlers.messages
    if isConcurrent { return entries.first { name.equals($0.name) } }
    let last = isRequest ? lastHit.value.request : lastHit.value.message
    if last < entries.count && name.equals(entries[last].name) { return entries[last] }
    for index in entries.indices where name.equals(entries[index].name) {
      if isRequest { lastHit.value.request = index } else { lastHit.value.message = index }
      return entries[index]
    }
    return nil
  }

  func deliver(_ message: any LocalMessage) -> HandlerTask? {
    guard let endpoint = seat[Endpoint.self].object else { return nil }
    do {
      guard let handler = try run(message, endpoint) else { return nil }
      let task = task(handler, isRequest: message.isRequest)
      message.onAbandon { task.cancel() }
      return task
    } catch {
      message.fail(Content.failure(of: error))
      tell(endpoint, error, isRequest: message.isRequest)
      return nil
    }
  }

  private func run(_ message: any LocalMessage, _ endpoint: Endpoint) throws -> AsyncHandler<Endpoint>? {
    let isRequest = message.isRequest
    // A generic search over the entries takes a hundred times as long as one over types that are not generic.
    let types = isRequest ? handlers.requestTypes : handlers.messageTypes
    guard let index = types.firstIndex(of: message.type) else { throw unsupported(message.typeName) }
    return try (isRequest ? handlers.requests : handlers.messages)[index].run(endpoint, message)
  }

  func deliver(_ bytes: [UInt8]) {
    guard let endpoint = seat[Endpoint.self].object else { return }
    do {
      guard let handler = handlers.onBytes else { throw unsupported("raw bytes") }
      try handler(endpoint, bytes.rawSpan)
    } catch {
      tell(endpoint, error, isRequest: false)
    }
  }

  func deliver(_ bytes: [UInt8], _ call: LocalBytesCall?) { seat[Endpoint.self].handle(bytes, call, by: self) }

  /// Runs the handler for raw bytes of the same environment that want an answer.
  @inline(__always)
  fileprivate func handle(_ bytes: [UInt8], _ call: LocalBytesCall?, _ endpoint: Endpoint) {
    do {
      try ask(endpoint, bytes.rawSpan, RPCBytesCallContext(local: call))
    } catch {
      // Does nothing when the handler has answered: then the error is for the endpoint only.
      call?.refuse(Content.failure(of: error))
      tell(endpoint, error, isRequest: true)
    }
  }

  /// Runs the handler for a request of raw bytes.
  @inline(__always)
  private func ask(_ endpoint: Endpoint, _ bytes: RawSpan, _ context: RPCBytesCallContext) throws {
    if handlers.onBytesRequest == nil { throw unsupported("raw bytes that ask") }
    do {
      try handlers.onBytesRequest?(endpoint, bytes, context)
    } catch {
      try? context.fail(Content.thrown(error))
      throw error
    }
  }

  private func unsupported(_ what: String) -> RPCError {
    RPCError(
      .unsupportedMessage, "\(Endpoint.self) has no handler for \(what)", execution: .notExecuted)
  }
}

extension Lent where Object: RPCEndpoint {
  /// As ``EndpointCell/deliver(_:_:from:)``.
  @inline(__always)
  fileprivate borrowing func handle(
    _ content: RawSpan, _ handler: Int, _ call: RemoteCall?, _ source: MessageSource?, by cell: EndpointCell<Object>
  ) -> HandlerTask? {
    object?.handle(content, handler, call, source, by: cell) ?? nil
  }

  /// As ``EndpointCell/deliver(_:_:)``.
  @inline(__always)
  fileprivate borrowing func handle(_ bytes: [UInt8], _ call: LocalBytesCall?, by cell: EndpointCell<Object>) {
    object?.handle(bytes, call, by: cell)
  }
}

extension RPCEndpoint {
  @inline(__always)
  fileprivate func handle(
    _ content: RawSpan, _ handler: Int, _ call: RemoteCall?, _ source: MessageSource?, by cell: EndpointCell<Self>
  ) -> HandlerTask? {
    cell.handle(content, handler, call, source, self)
  }

  @inline(__always)
  fileprivate func handle(_ bytes: [UInt8], _ call: LocalBytesCall?, by cell: EndpointCell<Self>) {
    cell.handle(bytes, call, self)
  }
}
