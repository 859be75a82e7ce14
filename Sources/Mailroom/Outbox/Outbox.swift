internal import MailroomQueue
internal import MailroomTransport

/// A message on its way to another process.
enum OutboxMessage: ~Copyable, Sendable {
  /// A one-way message's body: envelope and content.
  case oneWay(ByteWriter)
  /// A request's body, who waits for its answer, and until when.
  case request(ByteWriter, ReplySink, deadline: MonotonicTime)

  /// Until when the message may wait.
  var deadline: MonotonicTime {
    switch self {
    case .oneWay: .distantFuture
    case .request(_, _, let deadline): deadline
    }
  }
}

/// What goes to one remote address: queued while there is no connection, then sent in order.
///
/// Any thread posts; the outbox's event loop, which is also its connection's, drains. ``OutboxState`` says when it
/// connects and what fails when; this type performs it.
///
/// - Ordering: messages of one thread are sent in the order given.
/// - Delivery: at most once. A message that was queued when connecting failed was certainly not sent.
final class Outbox: LoopTask {
  /// The half that only the loop's thread touches.
  private final class Core {
    var state = OutboxState()
    var client: TransportClient?
    /// Messages that were taken from the queue while there was no connection; a private FIFO.
    var backlog = MPSCQueue<OutboxMessage>()
    var isDraining = false
    var timer: TimerToken?
  }

  private struct TimerToken {
    let deadline: MonotonicTime
    let cancel: () -> Void
  }

  let address: RPCAddress
  let loop: EventLoop
  private let factory: TransportClientFactory
  private let queue = MPSCQueue<OutboxMessage>()
  /// Loop-confined.
  private let core = Confined(Core())

  init(address: RPCAddress, loop: EventLoop, factory: TransportClientFactory) {
    self.address = address
    self.loop = loop
    self.factory = factory
  }

  // MARK: Any thread

  /// Queues a message; it is sent, or fails.
  func post(_ message: consuming OutboxMessage) {
    switch queue.push(message) {
    case .queued: break
    case .wake:
      // A loop that has ended leaves the messages to whoever posts the first one.
      if !loop.schedule(self) { queue.close { fail($0, .envStopped) } }
    case .closed(let message): fail(message, .envStopped)
    }
  }

  /// The connection, for a sender that is on its loop, if a message may go straight to it without overtaking others.
  var directClient: TransportClient? {
    guard loop.isCurrent else { return nil }
    let core = core.value
    guard let client = core.client, !core.isDraining else { return nil }
    if !queue.isEmpty { drain(core) }
    if !client.isActive { didLose(client) }
    return core.client === client ? client : nil
  }

  /// Fails what is queued and whatever comes later, and drops the connection.
  func stop() {
    loop.execute { [self] in
      // Closed first: an asker that is told of the end may ask again at once.
      _ = queue.close()
      core.value.client = nil
      perform(core.value.state.handle(.stop), .envStopped)
    }
  }

  // MARK: The loop

  func runOnLoop() {
    perform(core.value.state.handle(.work), .envStopped)
    // While connecting, messages wait in the backlog with their deadlines watched; the queue's consumer stays awake for none.
    repeat {
      if core.value.client == nil { takeIntoBacklog(core.value) } else { drain(core.value) }
    } while queue.sleep() == .notEmpty
  }

  private func perform(_ action: OutboxState.Action, _ error: RPCError) {
    let core = core.value
    switch action {
    case .none: break
    case .connect: connect(core)
    case .drain: drain(core)
    case .failQueued: failAll(error)
    case .closeConnection: break
    }
  }

  private func connect(_ core: Core) {
    factory.unmanagedClient(host: address.dialHost, port: address.port, on: loop) { [self] result in
      // On the loop, but for a loop that has ended: then there is nobody to tell but the queue.
      switch result {
      case .success(let client):
        let action = self.core.value.state.handle(.connected)
        if action == .closeConnection { return client.close() }
        // What ran out of time meanwhile is not sent, though its timer may not have come up. There is no client yet for
        // those who are told so to overtake others with.
        takeIntoBacklog(self.core.value)
        expire()
        self.core.value.client = client
        perform(action, .envStopped)
      case .failure(let error):
        perform(self.core.value.state.handle(.connectFailed), RPCError(error))
      }
    }
  }

  /// The connection that `client` stands for has ended, or takes no more messages.
  ///
  /// Safe to call again.
  func didLose(_ client: TransportClient) {
    let core = core.value
    guard core.client === client else { return }
    core.client = nil
    _ = core.state.handle(.lost)
    if !core.backlog.isEmpty || !queue.isEmpty { perform(core.state.handle(.work), .envStopped) }
  }

  private func drain(_ core: Core) {
    // A message whose failing reaches user code may post or send on this very outbox.
    guard !core.isDraining else { return }
    core.isDraining = true
    defer { core.isDraining = false }
    while let client = core.client {
      // Its end is known before it is told: what is sent now would fail.
      if !client.isActive { return didLose(client) }
      if let message = core.backlog.popFirst() ?? queue.popFirst() {
        send(message, client)
      } else {
        core.timer?.cancel()
        core.timer = nil
        return
      }
    }
  }

  private func send(_ message: consuming OutboxMessage, _ client: TransportClient) {
    switch consume message {
    case .oneWay(let body):
      // Its size was checked by the poster.
      try? client.send { $0.append(body.bytes) }
    case .request(let body, let sink, let deadline):
      if sink.isAbandoned { return }
      do throws(TransportError) {
        try client.sendRPC(sink, deadline: deadline) { $0.append(body.bytes) }
      } catch {
        sink.fail(error)
      }
    }
  }

  // MARK: Waiting for a connection

  private func takeIntoBacklog(_ core: Core) {
    var earliest = MonotonicTime.distantFuture
    while let message = queue.popFirst() {
      earliest = min(earliest, message.deadline)
      _ = core.backlog.push(message)
    }
    watch(core, until: earliest)
  }

  private func watch(_ core: Core, until deadline: MonotonicTime) {
    if deadline == .distantFuture { return }
    if let timer = core.timer {
      if timer.deadline <= deadline { return }
      timer.cancel()
    }
    let cancel = loop.schedule(at: deadline) { [self] in expire() }
    core.timer = TimerToken(deadline: deadline, cancel: cancel)
  }

  /// Fails what has waited past its deadline, and keeps the rest in order.
  private func expire() {
    let core = core.value
    core.timer?.cancel()
    core.timer = nil
    let now = MonotonicTime.now
    var earliest = MonotonicTime.distantFuture
    let kept = MPSCQueue<OutboxMessage>()
    while let message = core.backlog.popFirst() {
      switch consume message {
      case .request(let body, let sink, let deadline):
        if sink.isAbandoned { continue }
        if deadline <= now {
          sink.fail(TransportError(.timeout, "no connection to \(address) before the deadline", isNotSent: true))
        } else {
          earliest = min(earliest, deadline)
          _ = kept.push(.request(body, sink, deadline: deadline))
        }
      case .oneWay(let body):
        _ = kept.push(.oneWay(body))
      }
    }
    core.backlog = kept
    watch(core, until: earliest)
  }

  private func failAll(_ error: RPCError) {
    let core = core.value
    core.timer?.cancel()
    core.timer = nil
    // Only what is here now: a failed asker that asks again at once shall get a new attempt, not this error.
    let failed = MPSCQueue<OutboxMessage>()
    while let message = core.backlog.popFirst() ?? queue.popFirst() { _ = failed.push(message) }
    while let message = failed.popFirst() { fail(message, error) }
  }

  private func fail(_ message: consuming OutboxMessage, _ error: RPCError) {
    if case .request(_, let sink, _) = consume message {
      sink.fail(TransportError(error.transportReason, error.message, isNotSent: true))
    }
  }
}

extension RPCError {
  /// The transport's reason that becomes this code again.
  fileprivate var transportReason: TransportError.Reason {
    switch code {
    case .stopped: .stopped
    case .unresolvableHost: .unresolvableHost
    default: .connectFailed
    }
  }
}
