/// An ask under way that was made with a function to call, and the means to give it up.
///
/// - Thread safety: any thread.
public struct RPCAskHandle: Sendable {
  let ask: any Expirable

  /// Gives the ask up: its function is called with ``RPCError/Code/cancelled`` before this returns, unless it was called already.
  ///
  /// A request that was not sent by then is not sent; a peer that has it and knows of cancelling is told.
  public func cancel() { ask.fail(.askCancelled) }

  /// Whether the ask's function was called, or is about to be.
  public var isDone: Bool { ask.isAbandoned }
}
