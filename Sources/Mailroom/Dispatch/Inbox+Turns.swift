internal import MailroomQueue
internal import MailroomTransport

/// How messages are handled: in turns that a scheduler gives, or in place.
extension Inbox {
  /// What a turn knows of itself.
  private struct Turn: ~Copyable {
    /// The number of the scheduler's thread it is on.
    let thread: Int
    /// Messages that the turn has taken so far, counted in or not.
    var taken = 0
    /// Messages that were handled, and are still counted in.
    var messages = 0
    /// Their bytes.
    var bytes = 0
    var call = SpareLocalCall()
    var remoteCall = SpareCall()

    init(thread: Int) { self.thread = thread }

    /// Adds a handled message, unless it was never counted.
    mutating func add(_ bytes: Int) {
      if bytes == 0 { return }
      messages += 1
      self.bytes += bytes
    }
  }

  /// The turn runs on its thread from now on.
  private func begin(_ turn: borrowing Turn) { beginMark(ofThread: turn.thread) }

  /// The turn has ended, or is not on its thread any more.
  private func end(_ turn: borrowing Turn) { endMark(ofThread: turn.thread) }

  /// Counts out what a turn has handled.
  private func settle(_ turn: inout Turn) {
    if turn.messages == 0 { return }
    gauge.remove(messages: turn.messages, bytes: turn.bytes)
    turn.messages = 0
    turn.bytes = 0
  }

  // MARK: Turns

  /// Takes one turn.
  ///
  /// For the thread that the scheduler chose.
  ///
  /// - Parameter thread: its number.
  func takeTurn(on thread: Int = 0) {
    if let crew {
      // Then this is the turn that the last one at work asked for.
      if crew.state.isStopping { return end(on: thread) }
      if scheduler.threads > 1 { return takeAndPassOn(crew, thread) }
    }
    var turn = Turn(thread: thread)
    var limit = TurnLimit(budget)
    repeat {
      begin(turn)
      while let isOurs = takeNext(&turn) {
        guard isOurs else { return }
        if turn.messages >= bounds.batch { settle(&turn) }
        if limit.isReached(after: turn.taken) {
          settle(&turn)
          end(turn)
          return scheduler.scheduleAgain(self)
        }
      }
      settle(&turn)
      end(turn)
    } while queue.sleep() == .notEmpty
  }

  /// Handles what is next: nil when there is nothing, false when the caller's turn is over with it.
  private func takeNext(_ turn: inout Turn) -> Bool? {
    if let isOurs = takeFromBatch(&turn) { return isOurs }
    guard let message = queue.popFirst() else { return nil }
    return process(message, &turn)
  }

  /// Handles some messages of the batch that was taken; as ``takeNext(_:)``.
  ///
  /// What they have in common is counted as in use once for all of them: the thread that reads counts on the same words.
  private func takeFromBatch(_ turn: inout Turn) -> Bool? {
    guard var batch = rest.value.take() else { return nil }
    let bytes = batch.bytes
    let source = batch.source
    let requests = batch.requests
    let last =
      turn.taken + max(1, min(budget.messagesPerLook, bounds.batch - turn.messages, budget.messages - turn.taken))
    while turn.taken < last, let (range, isRequest, handler) = batch.next() {
      turn.taken += 1
      let content = bytes.rawSpan.extracting(range)
      let task =
        isRequest
        ? takeNext(of: requests, content, to: handler, from: source, &turn)
        : deliver(content, to: handler, nil, from: source)
      let size = RemoteBatch.size(of: range.count)
      if let task {
        // Before the handler runs, because one that suspends takes the turn along, and whoever has it next goes on from here.
        if !batch.isAtEnd { rest.value = consume batch }
        return run(task, size, &turn)
      }
      turn.add(size)
    }
    if !batch.isAtEnd { rest.value = consume batch }
    return true
  }

  /// As ``take(_:to:_:)``, the next request of a batch.
  @inline(__always)
  private func takeNext(
    of requests: RemoteRequests?, _ content: RawSpan, to handler: Int, from source: MessageSource?, _ turn: inout Turn
  ) -> HandlerTask? {
    // Not unwrapped, for that would count what is wrapped.
    guard let request = requests?.next() else { return nil }
    turn.remoteCall.begin(request, of: requests, from: source)
    var task: HandlerTask?
    if turn.remoteCall.isAbandoned() {
      turn.remoteCall.drop()
    } else {
      task = turn.remoteCall.deliver(content, to: handler, from: source, by: endpoint)
    }
    // A call that nobody has kept ends here, and not with the message behind it.
    turn.remoteCall.settle()
    return task
  }

  /// Delivers a message of another process, unless nobody waits for its answer any more; returns its handler if that may suspend.
  private func take(
    _ content: RawSpan, to handler: Int = TypeHandlers.missing, _ origin: MessageOrigin
  ) -> HandlerTask? {
    guard let call = origin.call, call.isAbandoned else {
      return deliver(content, to: handler, origin.call, from: origin.source)
    }
    call.drop()
    return nil
  }

  @inline(__always)
  private func deliver(
    _ content: RawSpan, to handler: Int, _ call: RemoteCall?, from source: MessageSource?
  ) -> HandlerTask? {
    handler < 0
      ? endpoint.deliver(content, call, from: source) : endpoint.deliver(content, to: handler, call, from: source)
  }

  /// Handles a message; false when the caller's turn is over with it, and its mark says so.
  private func process(_ message: consuming InboxMessage, _ turn: inout Turn) -> Bool {
    let task: HandlerTask?
    let bytes: Int
    turn.taken += 1
    switch consume message {
    case .remote(let content, let origin, let count):
      bytes = count
      task = take(content.rawSpan, origin)
    case .typed(let value, let origin, let handler, let count):
      bytes = Int(count)
      task = take(value.rawSpan, to: Int(handler), origin)
    case .batch(let batch):
      // It is its messages that count.
      turn.taken -= 1
      rest.value = RemoteBatch.Rest(consume batch)
      return takeFromBatch(&turn) ?? true
    case .local(let message, let count):
      bytes = count
      task = message.isAbandoned ? nil : endpoint.deliver(message)
    case .bytes(let content):
      endpoint.deliver(content)
      turn.add(InboxMessage.size(of: content))
      return true
    case .bytesRequest(let content, let ask):
      turn.add(InboxMessage.size(of: content))
      if !ask.isAbandoned { turn.call.deliver(content, ask, to: endpoint) }
      return true
    case .event(let event):
      endpoint.deliver(event)
      return true
    case .start(let start):
      endpoint.start(start.me)
      return true
    case .stop:
      settle(&turn)
      end(turn)
      if crew?.stop() ?? true { end(on: turn.thread) }
      return false
    }
    if let task { return run(task, bytes, &turn) }
    turn.add(bytes)
    return true
  }

  /// Runs a handler that may suspend; false when it has suspended, and taken the caller's turn along.
  ///
  /// A concurrent endpoint's takes no turn along. It is counted out when it ends: if it were not, there would be no bound on
  /// how many of them are suspended.
  private func run(_ task: HandlerTask, _ bytes: Int, _ turn: inout Turn) -> Bool {
    guard let crew else {
      turn.add(bytes)
      settle(&turn)
      tasks.start(task, on: scheduler.handlerExecutor) { [self] in passTurnOn() }
      // Before the turn is the handler's, which does not count while it is suspended.
      end(turn)
      if !tasks.detach(task) { return false }
      begin(turn)
      return true
    }
    crew.enter()
    tasks.start(task, on: scheduler.handlerExecutor) { [self] in
      if bytes > 0 { gauge.remove(messages: 1, bytes: bytes) }
      leave(crew)
    }
    if tasks.detach(task) {
      turn.add(bytes)
      leave(crew)
    }
    return true
  }

  /// Runs OnStop, as the very last.
  private func end(on thread: Int) {
    beginMark(ofThread: thread)
    owner.inboxWillStop(self)
    endpoint.stop()
    endMark(ofThread: thread)
    owner.inboxDidStop(self)
  }

  // MARK: Turns of a concurrent endpoint

  /// Takes one message, passes the turn on and handles it, while others handle theirs.
  private func takeAndPassOn(_ crew: Crew, _ thread: Int) {
    // No other thread writes this thread's mark.
    var turn = Turn(thread: thread)
    begin(turn)
    repeat {
      while let message = queue.popFirst() {
        guard message.isShareable else {
          // OnStart and OnStop are handled within the turn, so that nothing runs beside them.
          if process(message, &turn) { continue }
          return
        }
        crew.enter()
        passTurnOn()
        _ = process(message, &turn)
        settle(&turn)
        end(turn)
        return leave(crew)
      }
    } while queue.sleep() == .notEmpty
    end(turn)
  }

  /// Gives the turn to whoever is next to have it; the caller, who has it or whose task took it along, has it no longer.
  private func passTurnOn() {
    if rest.value != nil || queue.sleep() == .notEmpty { scheduler.schedule(self) }
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
  /// The caller must be on the thread that the endpoint runs on, deliver with ``deliverInPlace(_:_:from:)`` and end with
  /// ``endTurnInPlace()``.
  @inline(__always)
  func beginTurnInPlace() -> Bool {
    guard queue.beginTurn() else { return false }
    beginMark(ofThread: 0)
    return true
  }

  /// What became of a message that was delivered in place.
  enum DeliveredInPlace: Equatable, Sendable {
    /// It was handled, or its handler overlaps with what comes; the caller still has the turn.
    case done
    /// Its handler has suspended and taken the turn along: there is nothing to end for the caller.
    case suspended
    /// The endpoint was stopped meanwhile, or has as many suspended handlers as it may, and nothing was done: the caller
    /// still has the turn, should end it, and post the message.
    case refused
  }

  /// Delivers a message without queueing it.
  func deliverInPlace(_ content: RawSpan, _ call: RemoteCall?, from source: MessageSource?) -> DeliveredInPlace {
    deliverInPlace(content, handler: TypeHandlers.missing, call, from: source)
  }

  /// Delivers a typed message whose handler is known without queueing it, see ``TypeHandlers``.
  func deliverInPlace(
    _ value: RawSpan, to handler: Int, _ call: RemoteCall?, from source: MessageSource?
  ) -> DeliveredInPlace {
    deliverInPlace(value, handler: handler, call, from: source)
  }

  @inline(__always)
  private func deliverInPlace(
    _ content: RawSpan, handler: Int, _ call: RemoteCall?, from source: MessageSource?
  ) -> DeliveredInPlace {
    queue.isClosed ? .refused : deliverBegun(content, handler: handler, call, from: source)
  }

  /// As ``deliverInPlace(_:to:_:from:)``, for the first message of a turn, which only began because the endpoint was not stopped.
  @inline(__always)
  func deliverBegun(
    _ content: RawSpan, handler: Int, _ call: RemoteCall?, from source: MessageSource?
  ) -> DeliveredInPlace {
    guard crew != nil else {
      guard let task = deliver(content, to: handler, call, from: source) else { return .done }
      var turn = Turn(thread: 0)
      return run(task, 0, &turn) ? .done : .suspended
    }
    var turn = Turn(thread: 0)
    // A concurrent endpoint's handlers are counted until they end, wherever they began.
    let bytes = max(1, content.byteCount)
    guard gauge.admit(bytes: bytes) else { return .refused }
    if let task = deliver(content, to: handler, call, from: source) {
      _ = run(task, bytes, &turn)
    } else {
      turn.add(bytes)
    }
    settle(&turn)
    return .done
  }

  /// Ends a turn begun with ``beginTurnInPlace()``; what was queued meanwhile gets a turn of its own.
  @inline(__always)
  func endTurnInPlace() {
    endMark(ofThread: 0)
    // There is no rest of a batch: the turn began with a queue whose consumer slept, and took nothing from it.
    if queue.endTurn() == .notEmpty { scheduler.schedule(self) }
  }
}
