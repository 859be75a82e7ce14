internal import MailroomQueue
internal import MailroomTransport

/// A message in an inbox.
enum InboxMessage: ~Copyable, Sendable {
  case start(RPCEndpointRef)
  case stop
  /// A message of another process.
  case remote(content: [UInt8], MessageOrigin)
  case local(any LocalMessage)
  /// Something about a connection.
  case event(PeerEvent)
}

/// Is told of the end of an inbox, in its last turn.
protocol InboxOwner: AnyObject, Sendable {
  /// OnStop is next.
  func inboxWillStop(_ inbox: Inbox)
  /// OnStop has run; nothing follows.
  func inboxDidStop(_ inbox: Inbox)
}

/// Has inboxes take their turns.
protocol InboxScheduler: AnyObject, Sendable {
  /// Has `inbox` take a turn soon. The caller has just become bound to do so, by a push or by the end of a turn.
  func schedule(_ inbox: Inbox)
}

/// The messages of one endpoint, and the right to run it.
///
/// ```
///             post (wake)                    turn begins
///   ┌────────┐ ─────────► ┌───────────┐ ─────────────────► ┌─────────┐
///   │  idle  │            │ scheduled │                    │ running │
///   └────────┘ ◄──┐       └───────────┘ ◄───────────────── └─────────┘
///                 │                        budget used up       │
///                 └──────────── queue empty ────────────────────┤
///                                                               ▼ OnStop was run
///                                                           ┌───────┐
///                                                           │ ended │
///                                                           └───────┘
/// ```
///
/// The states are those of the queue's word: whoever is scheduled is the queue's consumer. Invariants:
/// 1. OnStart is posted when the inbox is made, so it is the first message; OnStop closes the queue as it is posted, so it is
///    the last. Each is run exactly once.
/// 2. One turn at a time; a turn sees what the one before it wrote.
/// 3. FIFO for the messages of one sender.
/// 4. A message that does not get in is handed back or failed, never lost: see ``post(_:)``.
final class Inbox: Sendable {
  /// How long a turn may be before other inboxes get theirs.
  struct Budget: Sendable {
    /// Messages after which a turn ends.
    var messages = 256
    /// Messages between looks at the clock.
    var messagesPerLook = 16
    /// Nanoseconds after which a turn ends.
    var nanoseconds: UInt64 = 200_000
  }

  let name: String
  let endpoint: any EndpointDelivery
  private let queue = MPSCQueue<InboxMessage>()
  private let scheduler: any InboxScheduler
  private let budget: Budget
  private let owner: any InboxOwner

  init(
    name: String, endpoint: any EndpointDelivery, scheduler: any InboxScheduler, budget: Budget = Budget(),
    owner: any InboxOwner
  ) {
    self.name = name
    self.endpoint = endpoint
    self.scheduler = scheduler
    self.budget = budget
    self.owner = owner
  }

  /// Posts OnStart.
  ///
  /// To be called once, before anything else is posted.
  func start(_ me: RPCEndpointRef) { post(.start(me)) }

  /// Posts OnStop, and refuses messages from then on.
  ///
  /// Safe to call again.
  func stop() {
    if case .wake = queue.pushLast(.stop) { scheduler.schedule(self) }
  }

  /// Whether messages are refused.
  var isStopped: Bool { queue.isClosed }

  /// Posts a message from any thread; one that comes too late fails its asker, and the answer is false.
  @discardableResult
  func post(_ message: consuming InboxMessage) -> Bool {
    switch queue.push(message) {
    case .queued: return true
    case .wake:
      scheduler.schedule(self)
      return true
    case .closed(let message):
      refuse(message)
      return false
    }
  }

  private func refuse(_ message: consuming InboxMessage) {
    let error = RPCError(.endpointStopped, "the endpoint \(name) is stopped", execution: .notExecuted)
    switch consume message {
    case .remote(_, let origin): try? origin.call?.fail(error)
    case .local(let message): message.fail(error)
    case .start: break
    case .stop: break
    case .event: break
    }
  }

  // MARK: Turns

  /// Takes one turn.
  ///
  /// For the thread that the scheduler chose.
  func takeTurn() {
    var processed = 0
    var deadline: MonotonicTime?
    while true {
      while let message = queue.popFirst() {
        process(message)
        processed += 1
        if processed >= budget.messages { return scheduler.schedule(self) }
        if processed % budget.messagesPerLook == 0 {
          let now = MonotonicTime.now
          if let deadline, now >= deadline { return scheduler.schedule(self) }
          if deadline == nil { deadline = MonotonicTime(nanoseconds: now.nanoseconds &+ budget.nanoseconds) }
        }
      }
      if queue.sleep() != .notEmpty { return }
    }
  }

  private func process(_ message: consuming InboxMessage) {
    switch consume message {
    case .remote(let content, let origin): endpoint.deliver(content.rawSpan, origin)
    case .local(let message): endpoint.deliver(message)
    case .event(let event): endpoint.deliver(event)
    case .start(let me): endpoint.start(me)
    case .stop:
      owner.inboxWillStop(self)
      endpoint.stop()
      owner.inboxDidStop(self)
    }
  }

  // MARK: Running in place

  /// Makes the caller the one who runs the endpoint, if nobody is and nothing is queued.
  ///
  /// The caller must be on the thread that the endpoint runs on, deliver with ``deliverInPlace(_:_:)`` and end with
  /// ``endTurnInPlace()``.
  func beginTurnInPlace() -> Bool { queue.beginTurn() }

  /// Delivers a message without queueing it; false when the endpoint was stopped meanwhile, and then nothing was done.
  func deliverInPlace(_ content: RawSpan, _ origin: MessageOrigin) -> Bool {
    if queue.isClosed { return false }
    endpoint.deliver(content, origin)
    return true
  }

  /// Ends a turn begun with ``beginTurnInPlace()``; what was queued meanwhile gets a turn of its own.
  func endTurnInPlace() {
    if queue.sleep() == .notEmpty { scheduler.schedule(self) }
  }
}
