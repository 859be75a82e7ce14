/// Is told of a connection's back-pressure and end.
///
/// - Thread safety: called on the connection's event loop. Must not block.
package protocol TransportClientObserver: AnyObject, Sendable {
  /// The connection, which had no room for requests and one-way messages, has room again.
  ///
  /// Comes at the end of the loop's tick, not from within a call of anybody, and only while the room is still there: messages
  /// that other threads posted meanwhile take it first every other time.
  func clientDidBecomeWritable(_ client: TransportClient)
  /// The connection ended, and its handler was told; comes once.
  func clientDidClose(_ client: TransportClient)
}
