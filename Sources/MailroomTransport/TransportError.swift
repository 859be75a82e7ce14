/// What can go wrong below endpoints: connecting, listening, sending, or the peer's bytes.
public struct TransportError: Error, Sendable, CustomStringConvertible {
  /// What happened.
  public enum Reason: Hashable, Sendable {
    /// The connection ended, by either side, before the operation was complete.
    case connectionClosed
    /// No connection could be made.
    case connectFailed
    /// The host name could not be resolved.
    case unresolvableHost
    /// The address is in use.
    case addressInUse
    /// The address could not be bound for another reason.
    case bindFailed
    /// No answer came before the deadline.
    case timeout
    /// The peer sent bytes that break the protocol; the connection is closed.
    case protocolViolation
    /// The message is above the maximum frame; nothing was sent.
    case tooLarge
    /// Too many requests wait for an answer, or too much waits to be sent; nothing was sent.
    case full
    /// The peer answered with a failure.
    case remoteFailure
    /// The factory, server or event loop was closed.
    case stopped
    /// The system refused a resource, such as a thread or a descriptor.
    case system
    /// The body could not be written by its caller; nothing was sent.
    case unencodable
  }

  /// What happened.
  public var reason: Reason
  /// What happened, for people; for ``Reason/remoteFailure`` the peer's text.
  public var message: String
  /// Whether the request was certainly not sent.
  public var isNotSent: Bool

  /// An error with the given parts.
  public init(_ reason: Reason, _ message: String, isNotSent: Bool = false) {
    self.reason = reason
    self.message = message
    self.isNotSent = isNotSent
  }

  /// Reason and message.
  public var description: String { "\(reason): \(message)" }
}
