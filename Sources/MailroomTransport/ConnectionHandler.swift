/// Serves what arrives on one connection.
///
/// - Thread safety: created and called on the connection's event loop only, one call at a time. Must not block. Spans are
///   valid during the call only.
/// - Ordering: ``connectionDidOpen()`` first, then messages in the order sent by the peer, then ``connectionDidClose(_:)``
///   exactly once.
public protocol ConnectionHandler: AnyObject {
  /// The connection is up.
  func connectionDidOpen()
  /// A request arrived; `responder` answers it.
  func receive(request body: RawSpan, responder: RPCResponder)
  /// A one-way message arrived.
  func receive(oneWay body: RawSpan)
  /// All bytes that were read together have been handed over: what was put off for the batch's end is due now.
  func connectionDidReadBatch()
  /// The connection ended, with an error unless one of the sides closed it in order.
  func connectionDidClose(_ error: TransportError?)
}

extension ConnectionHandler {
  /// Does nothing.
  public func connectionDidOpen() {}
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
