internal import MailroomQueue
public import MailroomTransport

/// The settings of an environment, with their defaults.
public struct RPCConfiguration: Sendable {
  /// How long an ask waits for its answer unless it says otherwise.
  ///
  /// Default 120 s, the reference's `spark.rpc.askTimeout`.
  public var askTimeout = Duration.seconds(120)
  /// How long looking up a remote endpoint may take.
  ///
  /// Default 120 s, the reference's `spark.rpc.lookupTimeout`.
  public var lookupTimeout = Duration.seconds(120)
  /// How many ports behind the wanted one are tried when it is taken.
  ///
  /// Default 16, the reference's `spark.port.maxRetries`.
  public var portRetries = 16
  /// Threads of the pool that `shared` endpoints run on.
  ///
  /// Default the number of cores, at least 2.
  public var messageLoopThreads = SystemInfo.coreCount < 2 ? 2 : SystemInfo.coreCount
  /// Threads that wait for the network.
  ///
  /// Default 1, which serves millions of small messages a second.
  public var eventLoops = 1
  /// How long `shutdown` waits for handlers and queued messages.
  ///
  /// Default 10 s; then what is left is abandoned.
  public var shutdownTimeout = Duration.seconds(10)
  /// The pause after connecting to a peer failed, in which messages to it fail at once.
  ///
  /// Default 100 ms; it doubles with each failure in a row, up to ``maximumReconnectDelay``. Zero for no pause.
  public var reconnectDelay = Duration.milliseconds(100)
  /// The longest pause between attempts to connect to a peer.
  ///
  /// Default 5 s, the reference's `spark.rpc.io.retryWait`.
  public var maximumReconnectDelay = Duration.seconds(5)
  /// How many messages may wait to be sent to one endpoint of another process.
  ///
  /// Default 131 072.
  public var maximumOutboxMessages = 131_072
  /// How many bytes of messages may wait to be sent to one endpoint of another process.
  ///
  /// Default 64 MiB.
  public var maximumOutboxBytes = 64 * 1024 * 1024
  /// The settings of the connections.
  public var transport = TransportConfiguration()

  /// The defaults.
  public init() {}
}
