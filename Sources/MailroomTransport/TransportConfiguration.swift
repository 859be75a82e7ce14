/// The settings of clients and servers, with their defaults.
public struct TransportConfiguration: Sendable {
  /// The largest frame that is sent or accepted, in bytes, its header included.
  ///
  /// Default 128 MiB, the reference's `spark.rpc.message.maxSize`. A peer that announces more is disconnected before
  /// memory is taken.
  public var maximumFrameLength = 128 * 1024 * 1024
  /// How many requests may wait for an answer on one connection.
  ///
  /// Default 1 048 576; a slot takes 64 bytes once used.
  public var maximumPendingReplies = 1 << 20
  /// How long connecting may take, name resolution included.
  ///
  /// Default 10 s.
  public var connectTimeout = Duration.seconds(10)
  /// How long a closing connection may take to write what is queued.
  ///
  /// Default 5 s; then it is cut.
  public var closeTimeout = Duration.seconds(5)
  /// How many connections may wait to be accepted.
  ///
  /// Default 1024; the kernel's `somaxconn` caps it.
  public var backlog: Int32 = 1024
  /// After how many idle seconds the kernel probes a connection's peer.
  ///
  /// Default 60; nil for never.
  public var keepAliveSeconds: UInt32? = 60

  /// The defaults.
  public init() {}
}
