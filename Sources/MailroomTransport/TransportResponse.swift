/// How a request ended: its answer's body, or an error.
///
/// Borrowed for the time of one callback.
@frozen
public enum TransportResponse: ~Escapable {
  /// The peer's answer; its bytes are valid during the callback only.
  case success(RawSpan)
  /// There is no answer, or it is a failure.
  case failure(TransportError)
}

/// Is told how a request ended.
///
/// - Thread safety: called once, on the connection's event loop, or, when a connection was never made, on the loop that
///   found out. Must not block.
public protocol TransportResponseReceiver: AnyObject, Sendable {
  /// The request ended with `response`.
  func receive(_ response: borrowing TransportResponse)
  /// Whether nobody wants the answer any more: a request that is not sent yet is then dropped silently.
  var isAbandoned: Bool { get }
  /// The request got an id on a connection, by which ``TransportClient/cancel(_:)`` knows it, and its bytes are about to leave.
  ///
  /// Comes before the response, and at most once; never for a request that ends before. On the connection's event loop, or while it sleeps
  /// within the call that sends, on its thread: no function of users may be called here.
  func wasSent(_ requestID: Int64, on client: TransportClient)
}

extension TransportResponseReceiver {
  /// Never abandoned.
  public var isAbandoned: Bool { false }
  /// Does nothing.
  public func wasSent(_ requestID: Int64, on client: TransportClient) {}
}

/// How a request of raw bytes ended: the bytes of its answer, or an error.
///
/// Borrowed for the time of one callback.
public struct RPCBytesReply: ~Escapable {
  /// The body of the answer; empty when there is none.
  package let body: RawSpan
  /// Why there is no answer.
  package let failure: (any Error)?
  /// The asker, not counted: whoever makes a reply holds it until the callback has returned, and no reply is there for longer.
  private let unmanagedAsker: Unmanaged<AnyObject>?
  /// Whether there is an asker.
  package let hasAsker: Bool
  /// Whether the request had a timeout of its own.
  package let hasOwnTimeout: Bool

  /// - Parameter asker: is not kept; has to be held until the reply is not used any more.
  @_lifetime(copy body)
  package init(
    body: RawSpan, failure: (any Error)? = nil, asker: (any AnyObject & Sendable)? = nil, hasOwnTimeout: Bool = false
  ) {
    self.body = body
    self.failure = failure
    unmanagedAsker = asker.map { Unmanaged.passUnretained($0) }
    hasAsker = asker != nil
    self.hasOwnTimeout = hasOwnTimeout
  }

  /// What was given with the function that gets this, to make sense of it; nil for a reply that is the body as it stands.
  package var asker: AnyObject? { unmanagedAsker?.takeUnretainedValue() }
}

/// Who is told how a request ended: an object, which costs nothing to pass on, or a function.
public enum ReplySink: Sendable {
  /// An object.
  case receiver(any TransportResponseReceiver)
  /// A function.
  case function(@Sendable (borrowing TransportResponse) -> Void)
  /// A function for raw bytes, and what it is to be given with them: so that it needs no other function around it, which would be
  /// an allocation for each request.
  case bytes(
    @Sendable (borrowing RPCBytesReply) -> Void, asker: any AnyObject & Sendable, hasOwnTimeout: Bool)
  /// A function for raw bytes, which is given the asker of the connection that it waits on, and has no timeout of its own.
  case plainBytes(@Sendable (borrowing RPCBytesReply) -> Void)

  /// Tells it of an answer.
  ///
  /// The caller sees to it that it is told once.
  ///
  /// - Parameter asker: the connection's; the caller holds it.
  @inline(__always)
  consuming func succeed(_ body: RawSpan, _ asker: (any AnyObject & Sendable)?) {
    switch consume self {
    case .receiver(let receiver): receiver.receive(.success(body))
    case .function(let function): function(.success(body))
    case .plainBytes(let function): function(RPCBytesReply(body: body, asker: asker))
    case .bytes(let function, let asker, let isOwn):
      function(RPCBytesReply(body: body, asker: asker, hasOwnTimeout: isOwn))
      withExtendedLifetime(asker) {}
    }
  }

  /// Whether it is an object, which wants to know when its request is sent.
  @inline(__always)
  var isObject: Bool { if case .receiver = self { true } else { false } }

  /// Whether nobody wants the answer any more.
  package var isAbandoned: Bool {
    if case .receiver(let receiver) = self { receiver.isAbandoned } else { false }
  }

  /// It, handed back unless nobody wants the answer any more.
  package consuming func unlessAbandoned() -> ReplySink? {
    switch consume self {
    case .receiver(let receiver): receiver.isAbandoned ? nil : .receiver(receiver)
    case .function(let function): .function(function)
    case .bytes(let function, let asker, let isOwn): .bytes(function, asker: asker, hasOwnTimeout: isOwn)
    case .plainBytes(let function): .plainBytes(function)
    }
  }

  /// Tells it of an error.
  ///
  /// The caller sees to it that it is told once.
  ///
  /// - Parameter asker: the connection's, if there is one; the caller holds it.
  package func fail(_ error: TransportError, _ asker: (any AnyObject & Sendable)? = nil) {
    switch self {
    case .receiver(let receiver): receiver.receive(.failure(error))
    case .function(let function): function(.failure(error))
    case .plainBytes(let function): function(RPCBytesReply(body: RawSpan(), failure: error, asker: asker))
    case .bytes(let function, let asker, let isOwn):
      function(RPCBytesReply(body: RawSpan(), failure: error, asker: asker, hasOwnTimeout: isOwn))
      withExtendedLifetime(asker) {}
    }
  }
}
