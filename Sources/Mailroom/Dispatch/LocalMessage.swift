/// A typed message on its way inside one environment: the value itself, never encoded.
protocol LocalMessage: AnyObject, Sendable {
  /// The message's type.
  var type: ObjectIdentifier { get }
  /// Whether an answer is waited for.
  var isRequest: Bool { get }
  /// What the message counts in an inbox, in bytes.
  var byteCount: Int { get }
  /// The type's wire name, for errors.
  var typeName: String { get }
  /// Whether nobody waits for the answer that it wants any more.
  var isAbandoned: Bool { get }
  /// Has `body` called if the asker, if there is one, gives up.
  func onAbandon(_ body: @escaping @Sendable () -> Void)
  /// Tells the asker, if there is one, that the message failed before a handler took it.
  func fail(_ error: RPCError)
}

/// A one-way message inside one environment.
final class LocalOneWay<Message: RPCMessage>: LocalMessage {
  let message: Message

  init(_ message: Message) { self.message = message }

  var type: ObjectIdentifier { ObjectIdentifier(Message.self) }
  var isRequest: Bool { false }
  var byteCount: Int { message.localByteCount }
  var typeName: String { Message.messageName }
  var isAbandoned: Bool { false }
  func onAbandon(_ body: @escaping @Sendable () -> Void) {}
  func fail(_ error: RPCError) {}
}

/// A request inside one environment, and the ask that waits for its answer.
final class LocalAsk<Request: RPCRequest>: LocalMessage {
  let request: Request
  let call: LocalCall<Request.Reply>
  let sender: String

  init(_ request: Request, _ ask: any PendingAsk<Request.Reply>, sender: String, key: RPCRequestKey? = nil) {
    self.request = request
    self.sender = sender
    call = LocalCall(ask, key: key)
  }

  var type: ObjectIdentifier { ObjectIdentifier(Request.self) }
  var isRequest: Bool { true }
  var byteCount: Int { request.localByteCount }
  var typeName: String { Request.messageName }
  var isAbandoned: Bool { call.isAbandoned }
  func onAbandon(_ body: @escaping @Sendable () -> Void) { call.onAbandon(body) }
  func fail(_ error: RPCError) {
    call.refuse(error)
  }
}

extension RPCMessage {
  /// The value's own size; what it refers to is not counted.
  fileprivate var localByteCount: Int { MemoryLayout<Self>.size }
}
