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
  /// Comes on the connection's event loop, before the response, and at most once; never for a request that ends before.
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
  /// What was given with the function that gets this, to make sense of it; nil for a reply that is the body as it stands.
  package let asker: (any AnyObject & Sendable)?
  /// Whether the request had a timeout of its own.
  package let hasOwnTimeout: Bool

  @_lifetime(copy body)
  @usableFromInline
  package init(
    body: RawSpan, failure: (any Error)? = nil, asker: (any AnyObject & Sendable)? = nil, hasOwnTimeout: Bool = false
  ) {
    self.body = body
    self.failure = failure
    self.asker = asker
    self.hasOwnTimeout = hasOwnTimeout
  }
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

  /// Tells it.
  ///
  /// The caller sees to it that this happens once.
  @inlinable
  public func complete(_ response: borrowing TransportResponse) {
    switch self {
    case .receiver(let receiver): receiver.receive(response)
    case .function(let function): function(response)
    case .bytes(let function, let asker, let isOwn):
      switch response {
      case .success(let body): function(RPCBytesReply(body: body, asker: asker, hasOwnTimeout: isOwn))
      case .failure(let error):
        function(RPCBytesReply(body: RawSpan(), failure: error, asker: asker, hasOwnTimeout: isOwn))
      }
    }
  }

  /// Whether nobody wants the answer any more.
  package var isAbandoned: Bool {
    if case .receiver(let receiver) = self { receiver.isAbandoned } else { false }
  }

  /// Tells it of an error.
  public func fail(_ error: TransportError) {
    complete(.failure(error))
  }
}
