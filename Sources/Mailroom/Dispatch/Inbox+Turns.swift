internal import MailroomQueue
internal import MailroomTransport

/// How messages are handled: in turns that a scheduler gives, or in place.
extension Inbox {
  /// Messages that a turn has handled, and that are still counted in.
  private struct Handled {
    var messages = 0
    var bytes = 0

    /// Adds a message, unless it was never counted.
    mutating func add(_ bytes: Int) {
      if bytes == 0 { return }
      messages += 1
      self.bytes += bytes
    }
  }

  /// Counts out what a turn has handled.
  private func settle(_ handled: inout Handled) {
    if handled.messages > 0 { gauge.remove(messages: handled.messages, bytes: handled.bytes) }
    handled = Handled()
  }

  // MARK: Turns

  /// Takes one turn.
  ///
  /// For the thread that the scheduler chose.
  func takeTurn() {
    if let crew {
      // Then this is the turn that the last one at work asked for.
      if crew.state.isStopping { return end() }
      if scheduler.threads > 1 { return takeAndPassOn(crew) }
    }
    var limit = TurnLimit(budget)
    var handled = Handled()
    while true {
      while let message = queue.popFirst() {
        guard process(message, &handled) else { return }
        if handled.messages >= bounds.batch { settle(&handled) }
        if limit.isReached() {
          settle(&handled)
          return scheduler.schedule(self)
        }
      }
      settle(&handled)
      if queue.sleep() != .notEmpty { return }
    }
  }

  /// Handles a message; false when the caller's turn is over with it.
  private func process(_ message: consuming InboxMessage, _ handled: inout Handled) -> Bool {
    let task: HandlerTask?
    let bytes: Int
    switch consume message {
    case .remote(let content, let origin, let count):
      bytes = count
      if let call = origin.call, call.isAbandoned {
        call.drop()
        task = nil
      } else {
        task = endpoint.deliver(content.rawSpan, origin)
        if let task { origin.call?.onAbandon { task.cancel() } }
      }
    case .local(let message, let count):
      bytes = count
      task = message.isAbandoned ? nil : endpoint.deliver(message)
      if let task { message.onAbandon { task.cancel() } }
    case .event(let event):
      endpoint.deliver(event)
      return true
    case .start(let start):
      endpoint.start(start.me)
      return true
    case .stop:
      settle(&handled)
      if crew?.stop() ?? true { end() }
      return false
    }
    if let task { return run(task, bytes, &handled) }
    handled.add(bytes)
    return true
  }

  /// Runs a handler that may suspend; false when it has suspended, and taken the caller's turn along.
  ///
  /// A concurrent endpoint's takes no turn along. It is counted out when it ends: if it were not, there would be no bound on
  /// how many of them are suspended.
  private func run(_ task: HandlerTask, _ bytes: Int, _ handled: inout Handled) -> Bool {
    guard let crew else {
      handled.add(bytes)
      settle(&handled)
      return tasks.start(task) { [self] in passTurnOn() }
    }
    crew.enter()
    let hasEnded = tasks.start(task) { [self] in
      if bytes > 0 { gauge.remove(messages: 1, bytes: bytes) }
      leave(crew)
    }
    if hasEnded {
      handled.add(bytes)
      leave(crew)
    }
    return true
  }

  /// Runs OnStop, as the very last.
  private func end() {
    owner.inboxWillStop(self)
    endpoint.stop()
    owner.inboxDidStop(self)
  }

  // MARK: Turns of a concurrent endpoint

  /// Takes one message, passes the turn on and handles it, while others handle theirs.
  private func takeAndPassOn(_ crew: Crew) {
    var handled = Handled()
    repeat {
      while let message = queue.popFirst() {
        guard message.isShareable else {
          // OnStart and OnStop are handled within the turn, so that nothing runs beside them.
          if process(message, &handled) { continue }
          return
        }
        crew.enter()
        passTurnOn()
        _ = process(message, &handled)
        settle(&handled)
        leave(crew)
        return
      }
    } while queue.sleep() == .notEmpty
  }

  /// Gives the turn to whoever is next to have it; the caller, who has it or whose task took it along, has it no longer.
  private func passTurnOn() {
    if queue.sleep() == .notEmpty { scheduler.schedule(self) }
  }

  /// Leaves the crew; the last one out of a stopped inbox has it take its last turn.
  ///
  /// A turn of its own, because handlers may end on threads where OnStop must not run.
  private func leave(_ crew: Crew) {
    if crew.leave() { scheduler.schedule(self) }
  }

  // MARK: Running in place

  /// Makes the caller the one who runs the endpoint, if nobody is and nothing is queued.
  ///
  /// The caller must be on the thread that the endpoint runs on, deliver with ``deliverInPlace(_:_:)`` and end with
  /// ``endTurnInPlace()``.
  func beginTurnInPlace() -> Bool { queue.beginTurn() }

  /// What became of a message that was delivered in place.
  enum DeliveredInPlace: Equatable, Sendable {
    /// It was handled, or its handler overlaps with what comes; the caller still has the turn.
    case done
    /// Its handler has suspended and taken the turn along: there is nothing to end for the caller.
    case suspended
    /// The endpoint was stopped meanwhile, and nothing was done; the caller still has the turn.
    case stopped
  }

  /// Delivers a message without queueing it.
  func deliverInPlace(_ content: RawSpan, _ origin: MessageOrigin) -> DeliveredInPlace {
    if queue.isClosed { return .stopped }
    guard let task = endpoint.deliver(content, origin) else { return .done }
    origin.call?.onAbandon { task.cancel() }
    var handled = Handled()
    return run(task, 0, &handled) ? .done : .suspended
  }

  /// Ends a turn begun with ``beginTurnInPlace()``; what was queued meanwhile gets a turn of its own.
  func endTurnInPlace() { passTurnOn() }
}
