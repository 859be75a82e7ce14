/// Something that messages are sent to by name.
///
/// An endpoint belongs to its inbox from the moment it is registered. Its methods and handlers run one at a time, each seeing
/// what the one before it wrote, though not always on the same thread; so a plain class with mutable fields needs no lock.
///
/// `onStart(_:)` is the first callback and `onStop()` the last, each exactly once; nothing runs afterwards. Handlers
/// must not block for long on a loop that others share; see ``RPCDispatch``. An endpoint whose handlers shall run at the same
/// time is an ``RPCConcurrentEndpoint``.
///
/// Conforming cannot be isolated to an actor: the callbacks run on threads of the environment.
public protocol RPCEndpoint: AnyObject, SendableMetatype {
  /// Names the message types that endpoints of this type handle, the same each time.
  ///
  /// Called when an environment registers the first endpoint of the type, by that thread; the others share the table.
  static func handlers(_ on: inout RPCHandlers<Self>)

  /// The endpoint is registered; messages follow.
  ///
  /// An error goes to ``onError(_:)``; the endpoint stays registered, and gets its messages as if there had been none.
  ///
  /// - Parameter me: the reference to this endpoint, for others to have.
  func onStart(_ me: RPCEndpointRef) throws

  /// The endpoint was stopped, by ``RPCEnv/stop(_:)`` or with its environment.
  func onStop() throws

  /// A peer is connected: this environment has connected to it, or the first message or introduction came from it.
  ///
  /// Every endpoint of an environment is told of every peer, once for a connection, in order with the messages that come on it.
  /// A connection that ends before anything came on it is not told of.
  ///
  /// - Parameter peer: where the peer listens; for one that does not, the address its connection comes from.
  func onConnected(_ peer: RPCAddress) throws

  /// The connection that ``onConnected(_:)`` told of has ended; not called for those that the environment's own shutdown ends.
  func onDisconnected(_ peer: RPCAddress) throws

  /// The connection that ``onConnected(_:)`` told of broke, by an error and not by either side's will.
  ///
  /// ``onDisconnected(_:)`` follows.
  func onNetworkError(_ error: RPCError, _ peer: RPCAddress) throws

  /// A callback or handler threw, or a message came that no handler is for.
  ///
  /// For a failed ask, the asker was told already. Endpoints that do not implement this have all other errors logged.
  func onError(_ error: any Error)
}

extension RPCEndpoint {
  /// Does nothing.
  public func onStart(_ me: RPCEndpointRef) {}
  /// Does nothing.
  public func onStop() {}
  /// Does nothing.
  public func onConnected(_ peer: RPCAddress) {}
  /// Does nothing.
  public func onDisconnected(_ peer: RPCAddress) {}
  /// Does nothing.
  public func onNetworkError(_ error: RPCError, _ peer: RPCAddress) {}
  /// Logs the error as a warning, at most one in ten seconds and the number of the others, unless it is a request's: its asker was told.
  public func onError(_ error: any Error) { ErrorLog.current?.report(error) }
}

/// An endpoint whose handlers run at the same time, on as many threads as its loop has.
///
/// Registering it is all that it takes. It looks after its own state, as any `Sendable` class. `onStart(_:)` still
/// returns, or throws, before anything else runs, and `onStop()` still runs last and alone: after the last handler has ended.
/// In between, handlers and the callbacks for connections and errors overlap; messages of one sender are begun in their
/// order, and may end in another.
///
/// On an event loop, and on a loop with one thread, handlers that do not suspend run one at a time all the same.
public protocol RPCConcurrentEndpoint: RPCEndpoint, Sendable {}

/// Where an endpoint's handlers run.
///
/// The guarantees are the same; the cost and what a handler may do are not.
public enum RPCDispatch: Hashable, Sendable {
  /// On the environment's pool of message loops, shared with other endpoints. One hand-off between threads per idle inbox.
  /// A handler that blocks takes a thread away from the others.
  case shared
  /// On threads of its own. A handler may block without hurting other endpoints. More than one thread is for an
  /// ``RPCConcurrentEndpoint`` only.
  case dedicated(threads: Int = 1)
  /// On the event loop that reads the network, without any hand-off: the lowest latency. A handler must not
  /// block at all: all connections of the loop wait for it. One that is `async` goes on on Swift's threads once it has suspended.
  case eventLoop
  /// As ``eventLoop``, and `async` handlers stay there to their end: one that asks others has its answers without any hand-off.
  case eventLoopOnly
}
