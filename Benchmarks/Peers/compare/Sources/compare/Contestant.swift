/// A program that is measured: Mailroom in one of its ways, or a peer.
struct Contestant: Sendable {
  /// What the command line calls it; the results are kept by this name.
  var name: String
  /// For people, before its version.
  var title: String
  /// The folder with its build script.
  var folder: String
  /// How it is programmed and which threads it has, for people.
  var description: String
  /// Options of Mailroom's runner; nil for a peer.
  var runnerOptions: [String]?
  /// Whether it takes part only when asked for, because it takes long to build or is large.
  var isOptIn = false
  /// The largest window for one-way messages; nil for as large as the scenario says.
  var mostOneWayWindow: Int?
  /// Seconds of warming up that it needs.
  var leastWarmup = 0.0

  var isMailroom: Bool { runnerOptions != nil }

  /// The scenario as this program runs it.
  func adapted(_ scenario: Scenario) -> Scenario {
    guard let mostOneWayWindow, scenario.kind == .oneWay else { return scenario }
    var scenario = scenario
    scenario.window = min(scenario.window, mostOneWayWindow)
    return scenario
  }

  static let mailroom = [
    Contestant(
      name: "mailroom", title: "Mailroom, event loop", folder: "mailroom",
      description: """
        handlers on the event loop that reads the network, requests from functions that the client's event loop calls; one \
        busy thread on each side
        """,
      runnerOptions: ["--dispatch", "event-loop", "--api", "callback"]),
    Contestant(
      name: "mailroom-shared", title: "Mailroom, shared, async", folder: "mailroom",
      description: """
        the defaults: handlers on the shared message loops, and `await ref.ask` from as many ordinary tasks as the window is \
        wide; one-way messages from one task
        """,
      runnerOptions: ["--dispatch", "shared", "--api", "async"]),
    Contestant(
      name: "mailroom-executor", title: "Mailroom, shared, executor", folder: "mailroom",
      description: """
        handlers on the shared message loops, and `await ref.ask` from as many tasks as the window is wide that prefer \
        `ref.taskExecutor`; one-way messages from one such task
        """,
      runnerOptions: ["--dispatch", "shared", "--api", "executor"]),
  ]

  static let peers = [
    Contestant(
      name: "zeromq", title: "ZeroMQ", folder: "zeromq",
      description: """
        C API. REQ/REP for ping-pong, DEALER/ROUTER for asks, PUSH/PULL for one-way messages. On each side one I/O thread and \
        one thread of the program that blocks in `zmq_msg_recv`; no high-water mark; payloads from 4 KiB on are not copied
        """),
    Contestant(
      name: "nio", title: "SwiftNIO", folder: "nio",
      description: """
        frames of a length, a kind and a payload over TCP, no RPC layer. One event loop on each side does everything; one \
        flush for all that came with one read, and every 256 one-way messages; reads of 64 to 256 KiB
        """),
    Contestant(
      name: "capnp", title: "Cap'n Proto", folder: "capnp",
      description: """
        C++ RPC with a schema; streaming calls, which Cap'n Proto paces itself, for one-way messages. One thread on each side
        """,
      mostOneWayWindow: 1024),
    Contestant(
      name: "nng", title: "nng", folder: "nng",
      description: """
        REQ/REP, for asks with one context per outstanding request; PAIR1 with the largest buffers for one-way messages, \
        which is faster here than PUSH/PULL. nng's default threads; ping-pong and one-way messages block in `nng_recvmsg`
        """,
      mostOneWayWindow: 8192),
    Contestant(
      name: "grpc", title: "grpc-swift-2", folder: "grpc",
      description: """
        HTTP/2 without TLS, plain bytes instead of protobuf; unary calls from as many tasks as the window is wide, one \
        stream for one-way messages. Default threads
        """,
      isOptIn: true, mostOneWayWindow: 8192, leastWarmup: 1),
    Contestant(
      name: "spark", title: "Spark's RpcEnv", folder: "spark",
      description: """
        the reference, with its defaults: Java's serialisation of byte arrays, a ThreadSafeRpcEndpoint, answers handled on \
        the thread that reads them. Warmed up for at least 8 s in each run
        """,
      isOptIn: true, mostOneWayWindow: 16_384, leastWarmup: 8),
  ]
}
