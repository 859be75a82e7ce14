/// One-way messages that could not be delivered, and why.
///
/// What was lost with a connection after the system had taken it is known to nobody, and not among them.
public struct RPCDeadLetter: Sendable {
  /// The endpoint that they were for; nil when that is not known, because they were lost among others with a connection.
  public var endpoint: String?
  /// The environment that they were for: an address, or a connection's other end; nil for those that came to this environment,
  /// and found no endpoint.
  public var peer: String?
  /// How many.
  public var count: Int
  /// Why.
  public var error: RPCError
}
