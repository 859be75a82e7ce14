internal import MailroomTransport

extension SettingKey {
  /// Every key, the weakest first: of two that set the same property, the later one counts.
  static let all: [SettingKey] =
    timeouts + retries + connections + threads + queues + withoutEffect

  private static let timeouts: [SettingKey] = [
    SettingKey("spark.network.timeout", .duration(.second), askTimeout, lookupTimeout, connectTimeout),
    SettingKey("spark.rpc.askTimeout", .duration(.second), askTimeout),
    SettingKey("spark.rpc.lookupTimeout", .duration(.second), lookupTimeout),
    SettingKey("spark.rpc.io.connectionTimeout", .duration(.second), connectTimeout),
    SettingKey("spark.rpc.io.connectionCreationTimeout", .duration(.second), connectTimeout),
    SettingKey("mailroom.shutdown.timeout", .duration(.second), Target("shutdownTimeout", \.base.shutdownTimeout)),
    SettingKey(
      "mailroom.connection.closeTimeout", .duration(.second),
      Target("transport.closeTimeout", \.base.transport.closeTimeout)),
    SettingKey(
      "mailroom.watchdog.slowTurn", .durationOrOff(.second), Target("slowTurnThreshold", \.base.slowTurnThreshold)),
  ]

  private static let retries: [SettingKey] = [
    SettingKey("spark.rpc.numRetries", .count(1...Int(Int32.max)), Target("retryAttempts", \.base.retryAttempts)),
    SettingKey("spark.rpc.retry.wait", .duration(.millisecond, least: .zero), Target("retryWait", \.base.retryWait)),
    SettingKey("spark.port.maxRetries", .count(0...65_535), Target("portRetries", \.base.portRetries)),
    SettingKey(
      "mailroom.reconnect.delay", .duration(.millisecond, least: .zero), Target("reconnectDelay", \.base.reconnectDelay)
    ),
    SettingKey(
      "spark.rpc.io.retryWait", .duration(.second, least: .zero),
      Target("maximumReconnectDelay", \.base.maximumReconnectDelay)),
  ]

  private static let connections: [SettingKey] = [
    SettingKey(
      "spark.rpc.connect.threads", .count(1...65_535),
      Target("transport.maximumConcurrentConnects", \.base.transport.maximumConcurrentConnects)),
    SettingKey(
      "spark.rpc.io.backLog", .count(orMinusOneFor: TransportConfiguration().backlog),
      Target("transport.backlog", \.base.transport.backlog)),
    SettingKey(
      "mailroom.keepAlive.idle", .probeSecondsOrOff,
      Target("transport.keepAliveSeconds", \.base.transport.keepAliveSeconds)),
    SettingKey("spark.rpc.io.enableTcpKeepAlive", .flag, Target("transport.keepAliveSeconds", \.isProbing)),
    SettingKey(
      "spark.rpc.message.maxSize", .size(.mebibyte, 1 << 10...2047 << 20),
      Target("transport.maximumFrameLength", \.base.transport.maximumFrameLength)),
    SettingKey(
      "mailroom.connection.maxPendingReplies", .count(mostPendingReplies),
      Target("transport.maximumPendingReplies", \.base.transport.maximumPendingReplies)),
    SettingKey(
      "mailroom.connection.maxUnansweredRequests", .count(mostMessages),
      Target("transport.maximumUnansweredRequests", \.base.transport.maximumUnansweredRequests)),
    SettingKey(
      "mailroom.connection.maxQueuedMessages", .count(mostMessages),
      Target("transport.maximumQueuedMessages", \.base.transport.maximumQueuedMessages)),
    SettingKey(
      "mailroom.connection.maxQueuedBytes", .size(.byte, mostBytes),
      Target("transport.maximumQueuedBytes", \.base.transport.maximumQueuedBytes)),
    SettingKey(
      "mailroom.connection.writeHighWaterMark", .size(.byte, mostBytes),
      Target("transport.writeHighWaterMark", \.base.transport.writeHighWaterMark)),
    SettingKey(
      "mailroom.connection.writeLowWaterMark", .size(.byte, mostBytes),
      Target("transport.writeLowWaterMark", \.base.transport.writeLowWaterMark)),
  ]

  private static let threads: [SettingKey] = [
    SettingKey("spark.rpc.netty.dispatcher.numThreads", .count(mostThreads), messageLoopThreads),
    SettingKey("spark.driver.rpc.netty.dispatcher.numThreads", .count(mostThreads), role: .driver, messageLoopThreads),
    SettingKey(
      "spark.executor.rpc.netty.dispatcher.numThreads", .count(mostThreads), role: .executor, messageLoopThreads),
    SettingKey("spark.rpc.io.threads", loops, Target("eventLoops", \.ioThreads)),
    SettingKey("spark.rpc.io.serverThreads", loops, serverThreads),
    SettingKey("spark.driver.rpc.io.serverThreads", loops, role: .driver, serverThreads),
    SettingKey("spark.executor.rpc.io.serverThreads", loops, role: .executor, serverThreads),
    SettingKey("spark.rpc.io.clientThreads", loops, clientThreads),
    SettingKey("spark.driver.rpc.io.clientThreads", loops, role: .driver, clientThreads),
    SettingKey("spark.executor.rpc.io.clientThreads", loops, role: .executor, clientThreads),
    SettingKey("mailroom.eventLoops", loops, Target("eventLoops", \.eventLoops)),
    SettingKey(
      "mailroom.eventLoops.processors", .processorsOrAny, Target("eventLoopProcessors", \.base.eventLoopProcessors)),
    SettingKey(
      "mailroom.messageLoops.processors", .processorsOrAny,
      Target("messageLoopProcessors", \.base.messageLoopProcessors)),
    SettingKey("mailroom.busyPoll", .duration(.microsecond, least: .zero), Target("busyPoll", \.base.busyPoll)),
  ]

  private static let queues: [SettingKey] = [
    SettingKey(
      "mailroom.inbox.maxMessages", .count(mostMessages), Target("maximumInboxMessages", \.base.maximumInboxMessages)),
    SettingKey(
      "mailroom.inbox.maxBytes", .size(.byte, mostBytes), Target("maximumInboxBytes", \.base.maximumInboxBytes)),
    SettingKey(
      "mailroom.outbox.maxMessages", .count(mostMessages), Target("maximumOutboxMessages", \.base.maximumOutboxMessages)
    ),
    SettingKey(
      "mailroom.outbox.maxBytes", .size(.byte, mostBytes), Target("maximumOutboxBytes", \.base.maximumOutboxBytes)),
  ]

  /// What tunes the reference's runtime, or what the reference itself does not heed for this layer.
  private static let withoutEffect: [SettingKey] = [
    SettingKey(withoutEffect: "spark.rpc.io.mode"),
    SettingKey(withoutEffect: "spark.rpc.io.maxRetries"),
    SettingKey(withoutEffect: "spark.rpc.io.preferDirectBufs"),
    SettingKey(withoutEffect: "spark.rpc.io.lazyFD"),
    SettingKey(withoutEffect: "spark.rpc.io.enableVerboseMetrics"),
    SettingKey(withoutEffect: "spark.rpc.io.numConnectionsPerPeer"),
  ]

  private static let mostThreads = 1...1024
  private static let loops = SettingNotation<Int>.count(mostThreads).orUnset
  /// What a request's id can tell apart.
  private static let mostPendingReplies = 1...1 << 24 - 1
  /// What a gauge of flow counts up to.
  private static let mostMessages = 1...1 << 22
  /// What a gauge of flow counts up to.
  private static let mostBytes = 1...1 << 38

  private static let askTimeout = Target("askTimeout", \.base.askTimeout)
  private static let lookupTimeout = Target("lookupTimeout", \.base.lookupTimeout)
  private static let connectTimeout = Target("transport.connectTimeout", \.base.transport.connectTimeout)
  private static let messageLoopThreads = Target("messageLoopThreads", \.base.messageLoopThreads)
  private static let serverThreads = Target("eventLoops", \.serverThreads)
  private static let clientThreads = Target("eventLoops", \.clientThreads)
}
