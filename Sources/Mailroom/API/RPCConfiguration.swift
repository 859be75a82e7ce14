public import Logging
internal import MailroomQueue
public import MailroomTransport

/// The settings of an environment, with their defaults.
///
/// Set in code, or read from the reference's keys by ``init(settings:role:)``; `docs/configuration.md` lists the keys. A
/// queue is full at its mark, in messages or in bytes, whichever comes first, and has room again at half of both.
public struct RPCConfiguration: Sendable {
  /// How long an ask waits for its answer unless it says otherwise.
  ///
  /// Default 120 s, the reference's `spark.rpc.askTimeout`. Longer keeps the slots of asks that nobody answers, 64 bytes
  /// each; shorter fails asks of slow handlers, which may execute nevertheless. Such an ask fails with
  /// ``RPCError/Code/timeout``.
  public var askTimeout = Duration.seconds(120) {
    didSet { askTimeoutSource = "RPCConfiguration.askTimeout" }
  }
  /// What set ``askTimeout``: the key, or the property when code did.
  ///
  /// Default `spark.rpc.askTimeout`, as in the reference the first key names a default. The errors of asks that time out
  /// quote it.
  public internal(set) var askTimeoutSource = "spark.rpc.askTimeout"
  /// How long looking up a remote endpoint may take.
  ///
  /// Default 120 s, the reference's `spark.rpc.lookupTimeout`; connecting is part of it. Shorter finds out sooner that a
  /// host is gone. Such a lookup fails with ``RPCError/Code/timeout``.
  public var lookupTimeout = Duration.seconds(120) {
    didSet { lookupTimeoutSource = "RPCConfiguration.lookupTimeout" }
  }
  /// What set ``lookupTimeout``: the key, or the property when code did.
  ///
  /// Default `spark.rpc.lookupTimeout`. The errors of lookups that time out quote it.
  public internal(set) var lookupTimeoutSource = "spark.rpc.lookupTimeout"
  /// How many times an ask with retries is sent, the first time included.
  ///
  /// Default 3, the reference's `spark.rpc.numRetries`; at least 1. Each attempt waits the full timeout, so more of them
  /// multiply how long a failure takes, and how often a handler may execute the request.
  public var retryAttempts = 3
  /// How long an ask with retries pauses between two attempts.
  ///
  /// Default 3 s, the reference's `spark.rpc.retry.wait`; zero for no pause. Shorter loads a peer that is in trouble.
  public var retryWait = Duration.seconds(3)
  /// How long an endpoint's outbox pauses after the first attempt to connect that failed.
  ///
  /// Default 100 ms, Mailroom's own and short beside the start of a process: the reference makes no pause. It grows with
  /// each further failure up to ``maximumReconnectDelay``. Zero for no pause, which costs an attempt per message to a peer
  /// that is down.
  public var reconnectDelay = Duration.milliseconds(100)
  /// The longest pause between two attempts to connect.
  ///
  /// Default 5 s, the reference's `spark.rpc.io.retryWait`; it caps ``reconnectDelay`` as well. Longer finds a peer that
  /// came back later.
  public var maximumReconnectDelay = Duration.seconds(5)
  /// How many ports behind the wanted one are tried when it is taken.
  ///
  /// Default 16, the reference's `spark.port.maxRetries`; 0 for the wanted one alone. A warning is logged when another port is
  /// used than the wanted one; when all are taken the start fails with ``RPCError/Code/bindFailed``.
  public var portRetries = 16
  /// Threads of the pool that `shared` endpoints run on.
  ///
  /// Default the number of cores, at least 2, as the reference's `spark.rpc.netty.dispatcher.numThreads`. Each costs its
  /// stack; more than cores help only handlers that block.
  public var messageLoopThreads = SystemInfo.coreCount < 2 ? 2 : SystemInfo.coreCount
  /// Threads that wait for the network.
  ///
  /// Default 1, which serves millions of small messages a second; the reference has up to 8 each for its servers and its
  /// clients. Connections are spread over them, so that more help once one keeps a core busy.
  public var eventLoops = 1
  /// How long a thread of the environment that has nothing to do looks for work before it sleeps, at most.
  ///
  /// Default zero, never. It spares messages that follow each other within that time the waking of a thread, which takes several
  /// times as long as all else about a small message. It costs a core for each event loop, and one for each pool of message loops that is
  /// in use, as long as messages come often enough; with fewer cores than that, threads that look keep those from running that
  /// have something to do, and everything gets slower. While looking for that long finds nothing, they look for less, down to
  /// not at all, so that an idle environment costs nothing. 50 µs to 1 ms is sensible: longer than an answer takes.
  public var busyPoll = Duration.zero
  /// The processors that the threads which wait for the network are bound to, each to one of them in turn.
  ///
  /// Default nil, wherever the system likes; Linux only. Numbers as the system has them, from zero. A bound thread keeps its caches, and
  /// does not move to the core that another one needs, which matters with ``busyPoll``; it waits when something else is busy on
  /// its core though others are idle. A number that no processor has, and a list without numbers, fail the start with
  /// ``RPCError/Code/invalidArgument``.
  public var eventLoopProcessors: [Int]?
  /// The processors that the threads which run handlers are bound to: those of the pool to one of them each in turn, those of `dedicated`
  /// endpoints to all of them.
  ///
  /// Default nil, wherever the system likes; Linux only. As ``eventLoopProcessors``. Handlers that go on after they have
  /// suspended do so on Swift's threads, which are bound to none.
  public var messageLoopProcessors: [Int]?
  /// The messages in an endpoint's inbox at which it is full.
  ///
  /// Default 16 384, at most 4 194 304; Mailroom's own, the reference has no bound. More let a burst wait instead of
  /// failing with ``RPCError/Code/full``, let it wait longer, and cost memory beside their content. There is room again at
  /// half of it. Peers stop sending to the endpoint when it is full; what is on its way by then still comes in: at most 16
  /// times ``TransportConfiguration/writeHighWaterMark`` for a connection, and in practice what sockets hold.
  public var maximumInboxMessages = 16_384
  /// The bytes of content in an endpoint's inbox at which it is full.
  ///
  /// Default 16 MiB, at most 256 GiB; Mailroom's own, the reference has no bound. Each endpoint may keep that much, so
  /// multiply it by their number; a message above it is taken when the inbox is below it. There is room again at half of it.
  /// What is on its way when it becomes full comes on top, as with ``maximumInboxMessages``. Of a message whose type a number stood for
  /// on the wire the value counts, for nothing else is kept.
  public var maximumInboxBytes = 16 * 1024 * 1024
  /// The messages that may wait to be sent to one endpoint of another environment.
  ///
  /// Default 131 072, at most 4 194 304; Mailroom's own, the reference has no bound. Beyond it sending fails with
  /// ``RPCError/Code/full``, or waits; more costs memory while a peer does not read. There is room again at half of it.
  public var maximumOutboxMessages = 131_072
  /// The bytes that may wait to be sent to one endpoint of another environment.
  ///
  /// Default 64 MiB, at most 256 GiB; Mailroom's own, the reference has no bound. Each endpoint that messages go to
  /// may cost that much while its peer does not read; a message above it is taken when what waits is below it. There is
  /// room again at half of it.
  public var maximumOutboxBytes = 64 * 1024 * 1024
  /// How long a handler may run before it is reported; nil for no watchdog.
  ///
  /// Default 5 s, Mailroom's own: far beyond what a handler that does not block takes. Shorter finds smaller delays, and
  /// reports pauses of the machine too. The handler is left running.
  public var slowTurnThreshold: Duration? = .seconds(5)
  /// How long `shutdown` waits for handlers and queued messages.
  ///
  /// Default 10 s, Mailroom's own: the reference waits for ever. Then what is left is abandoned, so that shorter loses
  /// messages, and longer delays the end of a process with a handler that hangs.
  public var shutdownTimeout = Duration.seconds(10)
  /// The error types of handlers in other processes that arrive as what they are.
  ///
  /// Default none; others arrive by type name and description. Costs nothing until an ask fails.
  public var errorTypes = RPCErrorTypes()
  /// Called when one-way messages could not be delivered, on any thread; must not block.
  ///
  /// Default nil; they are counted in ``RPCEnv/undeliverableMessages`` all the same.
  public var onDeadLetter: (@Sendable (RPCDeadLetter) -> Void)?
  /// Is told of each turn that took longer than ``slowTurnThreshold``, once and while it goes on: for metrics.
  ///
  /// Default nil: it is logged only. Runs on one of Swift's threads, and must not block.
  public var onSlowTurn: (@Sendable (RPCSlowTurn) -> Void)?
  /// Where the environment writes what nobody asked for and somebody should know.
  ///
  /// Default a logger called "mailroom", with whatever `LoggingSystem` was told to use.
  public var logger = Logger(label: "mailroom")
  /// The settings of the connections: each of its properties says its default, unit and cost.
  public var transport = TransportConfiguration()

  /// The defaults.
  public init() {}
}
