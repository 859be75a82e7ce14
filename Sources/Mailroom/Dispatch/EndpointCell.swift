internal import MailroomQueue
internal import MailroomTransport

/// An endpoint, as its inbox sees it: where messages of any type go in. Consumer-confined.
protocol EndpointDelivery: AnyObject, Sendable {
  func start(_ me: RPCEndpointRef)
  func stop()
  /// Runs the handler for a message of another process; `content` is valid during the call only.
  func deliver(_ content: RawSpan, _ call: RemoteCall?)
  /// Runs the handler for a message of the same environment.
  func deliver(_ message: any LocalMessage)
  /// The endpoint's object, to find its reference by.
  var identity: ObjectIdentifier { get }
}

/// An endpoint of a known type and its handlers.
final class EndpointCell<Endpoint: RPCEndpoint>: EndpointDelivery {
  /// Consumer-confined: opened only in a turn of the inbox.
  private let endpoint: Confined<Endpoint>
  private let handlers: RPCHandlers<Endpoint>
  /// Consumer-confined: which entry the last typed message and request were for.
  private let lastHit = Confined<(message: Int, request: Int)>((0, 0))
  private let env: RPCEnv
  let identity: ObjectIdentifier

  init(_ endpoint: sending Endpoint, _ handlers: RPCHandlers<Endpoint>, env: RPCEnv) {
    identity = ObjectIdentifier(endpoint)
    self.endpoint = Confined(endpoint)
    self.handlers = handlers
    self.env = env
  }

  func start(_ me: RPCEndpointRef) { guarded { try endpoint.value.onStart(me) } }

  func stop() { guarded { try endpoint.value.onStop() } }

  private func guarded(_ body: () throws -> Void) {
    do { try body() } catch { endpoint.value.onError(error) }
  }

  func deliver(_ content: RawSpan, _ call: RemoteCall?) {
    do {
      try run(content, call)
    } catch {
      // Fails when the handler has answered: then the error is for the endpoint only.
      try? call?.fail(Content.failure(of: error))
      endpoint.value.onError(error)
    }
  }

  private func run(_ content: RawSpan, _ call: RemoteCall?) throws {
    var reader = RPCReader(content, env: env)
    switch content.byte(at: 0) {
    case Content.raw:
      let bytes = content.dropping(1)
      if let call {
        guard let handler = handlers.onBytesRequest else { throw unsupported("raw bytes that ask") }
        try handler(endpoint.value, bytes, RPCBytesCallContext(context: RPCCallContext(call: .remote(call))))
      } else {
        guard let handler = handlers.onBytes else { throw unsupported("raw bytes") }
        try handler(endpoint.value, bytes)
      }
    case Content.typed:
      _ = try reader.readByte()
      let count = try reader.readCount()
      let name = try reader.read(count: count)
      guard let entry = entry(named: name, isRequest: call != nil) else {
        throw unsupported(name.utf8String() ?? "a name that is not UTF-8")
      }
      try entry.decodeAndRun(endpoint.value, &reader, call)
    case Content.java: throw unsupported("a Java object")
    case let other:
      throw RPCError(
        .undecodable, other.map { "content that begins with \($0)" } ?? "empty content", execution: .notExecuted)
    }
  }

  /// The entry for a wire name. Messages of one type tend to come in runs, so the last hit is tried first.
  private func entry(named name: RawSpan, isRequest: Bool) -> RPCHandlers<Endpoint>.Entry? {
    let entries = isRequest ? handlers.requests : handlers.messages
    let last = isRequest ? lastHit.value.request : lastHit.value.message
    if last < entries.count && name.equals(entries[last].name) { return entries[last] }
    for index in entries.indices where name.equals(entries[index].name) {
      if isRequest { lastHit.value.request = index } else { lastHit.value.message = index }
      return entries[index]
    }
    return nil
  }

  func deliver(_ message: any LocalMessage) {
    do {
      try run(message)
    } catch {
      message.fail(Content.failure(of: error))
      endpoint.value.onError(error)
    }
  }

  private func run(_ message: any LocalMessage) throws {
    if let message = message as? LocalOneWay<RPCBytes> {
      guard let handler = handlers.onBytes else { throw unsupported("raw bytes") }
      let bytes = message.message.bytes
      return try handler(endpoint.value, bytes.rawSpan)
    }
    if let message = message as? LocalAsk<RPCBytes> {
      guard let handler = handlers.onBytesRequest else { throw unsupported("raw bytes that ask") }
      let context = RPCCallContext(call: .local(message.call, sender: message.sender))
      let bytes = message.request.bytes
      return try handler(endpoint.value, bytes.rawSpan, RPCBytesCallContext(context: context))
    }
    let entries = message.isRequest ? handlers.requests : handlers.messages
    guard let entry = entries.first(where: { $0.type == message.type }) else { throw unsupported(message.typeName) }
    try entry.run(endpoint.value, message)
  }

  private func unsupported(_ what: String) -> RPCError {
    RPCError(
      .unsupportedMessage, "\(Endpoint.self) has no handler for \(what)", execution: .notExecuted)
  }
}
