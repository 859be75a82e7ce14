internal import MailroomTransport

/// The one error that Mailroom's operations throw and askers receive.
///
/// A value; safe to send anywhere. ``code`` says what happened and is what programs switch over, ``message`` is for
/// people, ``execution`` says whether a retry could run the request twice.
public struct RPCError: Error, Sendable {
  /// What happened, as an open-ended name that also travels on the wire.
  ///
  /// Codes compare by name. A peer of a later version may send a name this version does not list; it arrives as it is.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    /// The name as written on the wire.
    public let name: String

    /// A code with the given name.
    public init(name: String) { self.name = name }

    /// The code's name.
    public var description: String { name }
  }

  /// Whether the far handler may have seen the request.
  public enum Execution: Hashable, Sendable {
    /// The request was certainly not handed to a handler: asking again cannot execute it twice.
    case notExecuted
    /// The request may have been executed, or was.
    case unknown
  }

  /// What happened.
  public var code: Code
  /// What happened, for people.
  public var message: String
  /// Whether the request may have been executed.
  public var execution: Execution
  /// The type name of the error the far handler failed with, when ``code`` is ``Code/handlerFailed``.
  public var remoteType: String?
  /// The error underneath, when there is one in this process.
  public var cause: (any Error)?

  /// An error with the given parts.
  public init(
    _ code: Code, _ message: String, execution: Execution = .unknown, remoteType: String? = nil,
    cause: (any Error)? = nil
  ) {
    self.code = code
    self.message = message
    self.execution = execution
    self.remoteType = remoteType
    self.cause = cause
  }
}

extension RPCError.Code {
  /// No endpoint of that name is registered at the address.
  public static let endpointNotFound = Self(name: "endpointNotFound")
  /// The endpoint was stopped before it took the message.
  public static let endpointStopped = Self(name: "endpointStopped")
  /// An endpoint of that name is registered already.
  public static let endpointExists = Self(name: "endpointExists")
  /// The endpoint has no handler for that message type.
  public static let unsupportedMessage = Self(name: "unsupportedMessage")
  /// A message, reply or frame could not be decoded.
  public static let undecodable = Self(name: "undecodable")
  /// A message or reply could not be encoded.
  public static let unencodable = Self(name: "unencodable")
  /// A message is larger than the configured maximum frame.
  public static let tooLarge = Self(name: "tooLarge")
  /// A queue is at its configured bound.
  public static let full = Self(name: "full")
  /// The handler threw, or answered with a failure.
  public static let handlerFailed = Self(name: "handlerFailed")
  /// The handler dropped its call context without an answer.
  public static let noReply = Self(name: "noReply")
  /// The call was answered before.
  public static let alreadyReplied = Self(name: "alreadyReplied")
  /// No answer came before the deadline.
  public static let timeout = Self(name: "timeout")
  /// The asking task was cancelled.
  public static let cancelled = Self(name: "cancelled")
  /// No connection to the peer could be made.
  public static let connectFailed = Self(name: "connectFailed")
  /// The host name could not be resolved.
  public static let unresolvableHost = Self(name: "unresolvableHost")
  /// The connection ended before the answer came.
  public static let connectionLost = Self(name: "connectionLost")
  /// The environment has been shut down.
  public static let stopped = Self(name: "stopped")
  /// The call would block a thread of a loop.
  public static let wouldBlockLoop = Self(name: "wouldBlockLoop")
  /// The address could not be bound.
  public static let bindFailed = Self(name: "bindFailed")
  /// An address or endpoint URI is malformed.
  public static let invalidAddress = Self(name: "invalidAddress")
  /// An argument is outside its documented range.
  public static let invalidArgument = Self(name: "invalidArgument")
  /// The peer broke the protocol.
  public static let protocolViolation = Self(name: "protocolViolation")
  /// The peer's transport answered with a failure text, as a peer of the reference system does.
  public static let remoteFailure = Self(name: "remoteFailure")
}

extension RPCError {
  /// The error of a message to an endpoint that was stopped.
  static func stopped(_ endpoint: String) -> RPCError {
    RPCError(.endpointStopped, "the endpoint \(endpoint) is stopped", execution: .notExecuted)
  }
}

extension RPCError: CustomStringConvertible {
  /// Code, message and, when there is one that says more, the cause.
  public var description: String {
    var text = "\(code): \(message)"
    if let remoteType { text += " (\(remoteType))" }
    if let cause, !(cause is TransportError), !(cause is NoRoom) { text += " [caused by \(cause)]" }
    return text
  }
}
