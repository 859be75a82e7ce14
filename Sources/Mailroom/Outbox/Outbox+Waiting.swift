internal import MailroomQueue
internal import MailroomTransport

/// What becomes of messages that cannot leave yet, or never will.
///
/// On the loop, but for ``fail(_:_:)``.
extension Outbox {
  func takeIntoBacklog(_ core: OutboxCore) {
    open.value.client = nil
    var earliest = MonotonicTime.distantFuture
    while let message = popQueued() {
      earliest = min(earliest, message.deadline)
      _ = core.backlog.push(message)
    }
    watch(core, until: earliest)
  }

  func watch(_ core: OutboxCore, until deadline: MonotonicTime) {
    if deadline == .distantFuture { return }
    let deadline = max(deadline, core.nextLook)
    if let timer = core.timer {
      if timer.deadline <= deadline { return }
      timer.cancel()
    }
    let cancel = loop.schedule(at: deadline) { [self] in expire() }
    core.timer = OutboxCore.TimerToken(deadline: deadline, cancel: cancel)
  }

  /// Has the deadlines of what waits for room in the connection watched, now and then.
  func lookLater(_ core: OutboxCore) {
    if core.willLook { return }
    core.willLook = true
    _ = loop.schedule(at: .now.advanced(by: Self.pace)) { [self] in
      core.willLook = false
      guard let client = core.client, !client.isWritable else { return }
      takeIntoBacklog(core)
      lookLater(core)
    }
  }

  /// Fails what has waited past its deadline, and keeps the rest in order.
  func expire() {
    let core = core.value
    core.timer?.cancel()
    core.timer = nil
    let now = MonotonicTime.now
    var earliest = MonotonicTime.distantFuture
    let expired = MPSCQueue<OutboxMessage>()
    func check(_ message: consuming OutboxMessage) -> OutboxMessage? {
      if message.deadline <= now || message.isAbandoned {
        _ = expired.push(message)
        return nil
      }
      earliest = min(earliest, message.deadline)
      return message
    }
    let kept = MPSCQueue<OutboxMessage>()
    while let message = core.backlog.popFirst() {
      if let message = check(message) { _ = kept.push(message) }
    }
    core.backlog = kept
    core.lanes.filter(check)
    core.nextLook = .now.advanced(by: MonotonicTime.now.since(now) * 16)
    watch(core, until: earliest)
    // Last, because those who are told may post on this very outbox.
    let error = RPCError(
      .timeout, "the message could not be sent to \(peer) before the deadline", execution: .notExecuted)
    while let message = expired.popFirst() { fail(message, error) }
  }

  func failAll(_ error: RPCError) {
    let core = core.value
    core.timer?.cancel()
    core.timer = nil
    // Only what is here now: a failed asker that asks again at once shall get a new attempt, not this error.
    let failed = MPSCQueue<OutboxMessage>()
    while let message = core.lanes.popAny() ?? core.backlog.popFirst() ?? queue.popFirst() { _ = failed.push(message) }
    // One-way messages to one endpoint are told of together.
    var lost: OutboxCore.Left?
    while let message = failed.popFirst() {
      if let run = lost, message.sink != nil || run.route !== message.route {
        lost = nil
        fail(run, error)
      }
      if message.sink != nil {
        fail(message, error)
      } else {
        lost = OutboxCore.Left(
          route: message.route, messages: (lost?.messages ?? 0) + 1, bytes: (lost?.bytes ?? 0) + message.size)
      }
    }
    if let lost { fail(lost, error) }
  }

  private func fail(_ lost: OutboxCore.Left, _ error: RPCError) {
    lost.route.gauge.remove(messages: lost.messages, bytes: lost.bytes)
    policy.onLost(lost.route, lost.messages, error)
  }

  func fail(_ message: consuming OutboxMessage, _ error: RPCError) {
    message.route.gauge.remove(messages: 1, bytes: message.size)
    if let sink = message.sink {
      if !sink.isAbandoned { sink.fail(TransportError(error.transportReason, error.message, isNotSent: true)) }
    } else {
      policy.onLost(message.route, 1, error)
    }
  }
}

extension RPCError {
  /// The transport's reason that becomes this code again.
  fileprivate var transportReason: TransportError.Reason {
    switch code {
    case .stopped: .stopped
    case .unresolvableHost: .unresolvableHost
    case .connectionLost: .connectionClosed
    case .timeout: .timeout
    default: .connectFailed
    }
  }
}
