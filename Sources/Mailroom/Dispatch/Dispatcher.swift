internal import MailroomQueue
internal import MailroomTransport

/// Knows the endpoints of one environment by name, and the loops they run on.
///
/// - Thread safety: any thread.
final class Dispatcher: InboxOwner {
  struct Registration: Sendable {
    let inbox: Inbox
    /// The loop the endpoint runs on, when that is an event loop.
    let eventLoop: EventLoop?
  }

  private struct State {
    var registrations: [String: Registration] = [:]
    var references: [ObjectIdentifier: RPCEndpointRef] = [:]
    var shared: MessageLoop?
    var dedicated: [ObjectIdentifier: MessageLoop] = [:]
    /// Loops of endpoints that have ended; joined at shutdown.
    var retired: [MessageLoop] = []
    /// Inboxes whose OnStop has not run yet.
    var living: [ObjectIdentifier: Inbox] = [:]
    var isStopped = false
    var onAllEnded: (@Sendable () -> Void)?
  }

  /// What the event loops' threads are called, before their number.
  static let eventLoopName = "mail-io"

  private let sharedThreads: Int
  private let spin: SpinBudget
  private let processors: [Int]?
  private let bounds: InboxBounds
  private let group: EventLoopGroup
  /// Those of the loops, in their order: for handlers that go on on Swift's threads, and for those that stay on the loop.
  private let onLoops, onlyOnLoops: [EventLoopScheduler]
  /// Guarded by its lock.
  private let state = Locked(State())

  init(
    sharedThreads: Int, spin: SpinBudget = SpinBudget(), processors: [Int]? = nil, bounds: InboxBounds = InboxBounds(),
    group: EventLoopGroup
  ) {
    self.sharedThreads = sharedThreads
    self.spin = spin
    self.processors = processors
    self.bounds = bounds
    self.group = group
    let named = group.loops.enumerated().map { ($1, "\(Self.eventLoopName)-\($0)") }
    onLoops = named.map { EventLoopScheduler($0, name: $1) }
    onlyOnLoops = named.map { EventLoopScheduler($0, name: $1, keepsHandlers: true) }
  }

  // MARK: Registering

  /// Registers an endpoint; OnStart is posted before anybody can find it.
  func register(
    _ name: String, _ endpoint: any EndpointDelivery, on dispatch: RPCDispatch,
    makeReference: (Inbox) -> RPCEndpointRef
  ) throws(RPCError) -> RPCEndpointRef {
    let scheduler: any InboxScheduler
    var eventLoop: EventLoop?
    var dedicated: MessageLoop?
    switch dispatch {
    case .shared: scheduler = try sharedLoop()
    case .dedicated(let threads):
      guard threads > 0 else {
        throw RPCError(.invalidArgument, "an endpoint needs at least one thread", execution: .notExecuted)
      }
      guard threads == 1 || endpoint.isConcurrent else {
        throw RPCError(
          .invalidArgument, "only a concurrent endpoint can use \(threads) threads, which \(name) is not",
          execution: .notExecuted)
      }
      joinRetired()
      let loop = try MessageLoop.start(name: "mail-\(name)", threads: threads, spin: spin) { _ in processors }
      dedicated = loop
      scheduler = loop
    case .eventLoop, .eventLoopOnly:
      let loop = group.next()
      eventLoop = loop
      let number = group.loops.firstIndex { $0 === loop } ?? 0
      scheduler = dispatch == .eventLoopOnly ? onlyOnLoops[number] : onLoops[number]
    }
    let inbox = Inbox(name: name, endpoint: endpoint, scheduler: scheduler, bounds: bounds, owner: self)
    let reference = makeReference(inbox)
    let registration = Registration(inbox: inbox, eventLoop: eventLoop)
    let refusal: RPCError? = state.withLock { state in
      if state.isStopped { return .envStopped }
      if state.registrations[name] != nil {
        return RPCError(.endpointExists, "there is already an endpoint called \(name)", execution: .notExecuted)
      }
      state.registrations[name] = registration
      state.references[endpoint.identity] = reference
      state.dedicated[ObjectIdentifier(inbox)] = dedicated
      state.living[ObjectIdentifier(inbox)] = inbox
      // Inside the lock, so that OnStart is in the queue before anybody can find the inbox.
      inbox.start(reference)
      return nil
    }
    if let refusal {
      dedicated?.stop()
      dedicated?.join()
      throw refusal
    }
    return reference
  }

  /// Joins the threads of endpoints that have ended since.
  private func joinRetired() {
    let loops = state.withLock { state in
      let loops = state.retired
      state.retired = []
      return loops
    }
    for loop in loops { loop.join() }
  }

  private func sharedLoop() throws(RPCError) -> MessageLoop {
    if let loop = state.withLock({ $0.shared }) { return loop }
    let made = try MessageLoop.start(name: "mail-loop", threads: sharedThreads, spin: spin) { worker in
      processors.map { [$0[worker % $0.count]] }
    }
    let loop = state.withLock { state in
      if state.shared == nil && !state.isStopped { state.shared = made }
      return state.shared
    }
    if loop !== made {
      made.stop()
      made.join()
    }
    guard let loop else { throw .envStopped }
    return loop
  }

  /// What is registered under a name.
  func find(_ name: String) -> Registration? {
    state.withLock { $0.registrations[name] }
  }

  /// The reference to a registered endpoint object, until right before its OnStop.
  func reference(of endpoint: ObjectIdentifier) -> RPCEndpointRef? {
    state.withLock { $0.references[endpoint] }
  }

  /// The inboxes of all endpoints whose `onStop` has not run yet, also of those that were stopped.
  var inboxes: [Inbox] { state.withLock { Array($0.living.values) } }

  /// Tells every endpoint of something that happened to a connection.
  ///
  /// Endpoints that are stopping are not told.
  func postToAll(_ event: PeerEvent) {
    let inboxes = state.withLock { state in state.registrations.values.map(\.inbox) }
    for inbox in inboxes { inbox.post(.event(event)) }
  }

  // MARK: Stopping

  /// Stops the endpoint that `inbox` belongs to; its name is free at once.
  ///
  /// Safe to call again.
  func stop(_ inbox: Inbox) {
    state.withLock { state in
      if state.registrations[inbox.name]?.inbox === inbox { state.registrations[inbox.name] = nil }
    }
    inbox.stop()
  }

  func inboxWillStop(_ inbox: Inbox) {
    state.withLock { _ = $0.references.removeValue(forKey: inbox.endpoint.identity) }
  }

  func inboxDidStop(_ inbox: Inbox) {
    let (loop, callback): (MessageLoop?, (@Sendable () -> Void)?) = state.withLock { state in
      state.living[ObjectIdentifier(inbox)] = nil
      let loop = state.dedicated.removeValue(forKey: ObjectIdentifier(inbox))
      if let loop { state.retired.append(loop) }
      guard state.living.isEmpty, state.isStopped else { return (loop, nil) }
      let callback = state.onAllEnded
      state.onAllEnded = nil
      return (loop, callback)
    }
    loop?.stop()
    callback?()
  }

  /// Refuses registrations and stops every endpoint; `onAllEnded` runs once the last OnStop has.
  func stopAll(_ onAllEnded: @escaping @Sendable () -> Void) {
    let (inboxes, isDone) = state.withLock { state in
      state.isStopped = true
      let inboxes = state.registrations.values.map(\.inbox)
      state.registrations = [:]
      if !state.living.isEmpty { state.onAllEnded = onAllEnded }
      return (inboxes, state.living.isEmpty)
    }
    for inbox in inboxes { inbox.stop() }
    if isDone { onAllEnded() }
  }

  /// Cancels the handlers that are suspended, and those that begin later; says whether there was one.
  func cancelHandlers() -> Bool {
    var isAnySuspended = false
    for inbox in inboxes where inbox.tasks.cancelAll() { isAnySuspended = true }
    return isAnySuspended
  }

  /// Ends the message loops' threads.
  ///
  /// For any thread but theirs.
  ///
  /// - Parameter allEnded: whether every endpoint has ended. If not, threads that are stuck in a handler are left behind.
  func stopLoops(allEnded: Bool) {
    joinRetired()
    let loops = state.withLock { state in
      let loops = Array(state.dedicated.values) + (state.shared.map { [$0] } ?? [])
      state.dedicated = [:]
      state.shared = nil
      // Those that are left behind keep this dispatcher, and must not be kept by it.
      state.living = [:]
      state.references = [:]
      return loops
    }
    guard allEnded else { return loops.forEach { $0.abandon() } }
    for loop in loops { loop.stop() }
    for loop in loops { loop.join() }
  }
}

extension RPCError {
  static var envStopped: RPCError {
    RPCError(.stopped, "the environment has been shut down", execution: .notExecuted)
  }
}
