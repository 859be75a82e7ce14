package import MailroomQueue

/// Serves what arrives on one connection.
///
/// - Thread safety: created and called on the connection's event loop only, one call at a time. Must not block. Spans are
///   valid during the call only.
/// - Ordering: ``connectionDidOpen()`` first, then messages in the order sent by the peer, then ``connectionDidClose(_:)``
///   exactly once. Pauses and their ends are told as they come, and may overtake messages that are held.
public protocol ConnectionHandler: AnyObject {
  /// What a reply of raw bytes is given to make sense of it, if whoever asked gave nothing; asked for once.
  var asker: (any AnyObject & Sendable)? { get }
  /// The connection is up.
  func connectionDidOpen()
  /// A request arrived; `responder` answers it.
  func receive(request body: RawSpan, responder: RPCResponder)
  /// A one-way message arrived.
  func receive(oneWay body: RawSpan)
  /// The peer wants nothing sent to its endpoint of this name, in UTF-8, which need not exist, until ``peerDidResume(_:)``.
  func peerDidPause(_ endpoint: RawSpan)
  /// The peer's endpoint of this name may be sent to again.
  func peerDidResume(_ endpoint: RawSpan)
  /// Whether ``peerWillSend(to:)`` is wanted; asked before each batch of bytes.
  var looksAhead: Bool { get }
  /// A message whose body begins with this number is among the bytes that were read, and will be handed over soon.
  ///
  /// A hint, so that what it needs can be fetched into the processor's caches meanwhile: it may be wrong.
  func peerWillSend(to number: Int)
  /// A number, below 2^30, at the beginning of a body stands for these bytes from now on; see ``RawSpan/prefixNumber``.
  ///
  /// - Throws: ``FrameError`` when the peer must not say so, and then the connection ends.
  func peerDidNumber(_ prefix: RawSpan, _ number: Int) throws(FrameError)
  /// All bytes that were read together have been handed over: what was put off for the batch's end is due now.
  func connectionDidReadBatch()
  /// The connection ended, with an error unless one of the sides closed it in order.
  func connectionDidClose(_ error: TransportError?)
}

extension ConnectionHandler {
  /// None.
  public var asker: (any AnyObject & Sendable)? { nil }
  /// Does nothing.
  public func connectionDidOpen() {}
  /// Does nothing.
  public func peerDidPause(_ endpoint: RawSpan) {}
  /// Does nothing.
  public func peerDidResume(_ endpoint: RawSpan) {}
  /// No.
  public var looksAhead: Bool { false }
  /// Does nothing.
  public func peerWillSend(to number: Int) {}
  /// Throws: a handler that keeps no prefixes lets nobody say that it did.
  public func peerDidNumber(_ prefix: RawSpan, _ number: Int) throws(FrameError) {
    throw .unsupported(WireMessage.Kind.numberPrefix.rawValue)
  }
  /// Does nothing.
  public func connectionDidReadBatch() {}
  /// Does nothing.
  public func connectionDidClose(_ error: TransportError?) {}
}

/// Makes the handler of a new connection, on the connection's event loop.
public typealias ConnectionHandlerFactory = @Sendable (TransportClient) -> any ConnectionHandler

/// Answers one request, from any thread.
///
/// A request is answered once; the peer drops further answers. An answer to a connection that has ended is dropped.
public struct RPCResponder: Sendable {
  /// The connection that the request came on.
  public let client: TransportClient
  /// The request's id.
  public let requestID: Int64
  /// Until when the asker waits; ``MonotonicTime/distantFuture`` if it did not say.
  package let deadline: MonotonicTime

  package init(client: TransportClient, requestID: Int64, deadline: MonotonicTime = .distantFuture) {
    self.client = client
    self.requestID = requestID
    self.deadline = deadline
  }

  /// Whether nobody waits for the answer any more, because the peer said so or the connection takes no answers any more.
  ///
  /// Costs a relaxed load as long as neither is the case for any request of the connection.
  public var isAbandoned: Bool { client.abandonment.isAbandoned(requestID) }

  /// Has `body` called once when the request is abandoned: at once if it is, else on the event loop; never once it was answered.
  ///
  /// Not to be called after answering. `body` must not block.
  public func onAbandon(_ body: @escaping @Sendable () -> Void) { client.abandonment.watch(requestID, body) }

  /// Answers with `body`.
  ///
  /// - Throws: ``TransportError`` with ``TransportError/Reason/tooLarge``, in which case the request still wants an answer, or
  ///   ``TransportError/Reason/connectionClosed``.
  public func succeed(_ body: RawSpan) throws(TransportError) {
    try client.respond(requestID) { writer in writer.append(body) }
  }

  /// Answers that the request failed, with a text.
  ///
  /// The reference sends a stack trace here.
  public func fail(_ message: String) {
    client.respond(requestID, failure: message)
  }
}
