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
  /// How many connections one client factory makes at a time; others wait their turn, and their ``connectTimeout`` with them.
  ///
  /// Default 64, the reference's `spark.rpc.connect.threads`; at least 1. Half of it at the most is for peers that the last attempt
  /// failed for. More costs a descriptor each, and a burst of them for the
  /// peers; fewer makes everybody wait for peers that do not answer.
  public var maximumConcurrentConnects = 64
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

  /// How many bytes may wait for the socket before a connection takes no more messages.
  ///
  /// Default 4 MiB, in bytes of frames. From here on posted messages wait in their queue, sending on the event loop throws
  /// ``TransportError/Reason/full``, and an accepted connection stops reading. One that was dialled puts requests off, and
  /// gives its peer up when those come to 16 times this. A peer that sends 16 times this to an endpoint after it was asked
  /// to pause is not served any more until the endpoint has room, and not read from once this much, 1 MiB at the most, of its
  /// requests is held. More costs memory for each peer that reads slowly; less than the
  /// bandwidth-delay product of the network costs throughput.
  public var writeHighWaterMark = 4 * 1024 * 1024
  /// At how few waiting bytes a connection takes messages again that had taken no more.
  ///
  /// Default 1 MiB, in bytes of frames; below ``writeHighWaterMark``. Near to that it makes a connection stop and go on often; near
  /// to zero it lets the socket run dry meanwhile.
  public var writeLowWaterMark = 1024 * 1024
  /// How many messages that other threads posted to one connection may wait to be sent.
  ///
  /// Default 131 072; at least 1, and at most 4 194 304. More costs memory, about 100 bytes each on top of the bytes, and
  /// lets messages grow older before somebody is told that the peer is slow.
  public var maximumQueuedMessages = 1 << 17
  /// How many bytes of messages that other threads posted to one connection may wait to be sent.
  ///
  /// Default 64 MiB, in bytes of frames; a message is taken whenever there are fewer, so that one message of any size is.
  /// More costs memory for each peer that reads slowly.
  public var maximumQueuedBytes = 64 * 1024 * 1024
  /// How many requests of one peer may be unanswered before its connection serves no more.
  ///
  /// Default 1 048 576; at least 1, and at most 4 194 304. More costs whatever a request and its handler take; fewer than a peer has
  /// under way at a time makes it wait for answers.
  public var maximumUnansweredRequests = 1 << 20

  /// The defaults.
  public init() {}

  /// The longest frame that may be sent: as configured, and with a body whose length fits its field.
  var longestFrame: Int { min(maximumFrameLength, Int(Int32.max)) }
  /// How many bytes a peer may send without noticing that it should not: 16 times ``writeHighWaterMark``.
  package var overrun: Int { WriteGate.overrun(high: writeHighWaterMark) }
}
