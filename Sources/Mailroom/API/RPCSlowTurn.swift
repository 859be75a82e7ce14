/// A handler, or a run of short ones, that keeps its thread for longer than ``RPCConfiguration/slowTurnThreshold``.
public struct RPCSlowTurn: Hashable, Sendable {
  /// The endpoint's name.
  public let endpoint: String
  /// How long the turn has been watched so far: it began up to half the threshold earlier, and goes on.
  public let duration: Duration
  /// The name of the thread it is on.
  public let thread: String
}
