internal import MailroomQueue
internal import MailroomTransport

/// Is told of the end of an inbox, in its last turn.
protocol InboxOwner: AnyObject, Sendable {
  /// OnStop is next.
  func inboxWillStop(_ inbox: Inbox)
  /// OnStop has run; nothing follows.
  func inboxDidStop(_ inbox: Inbox)
}

/// Has inboxes take their turns.
protocol InboxScheduler: AnyObject, Sendable {
  /// How many turns it can give at the same time: on threads with the numbers from zero.
  var threads: Int { get }
  /// The name of the thread with a number.
  func nameOfThread(_ number: Int) -> String
  /// Where handlers run once they have suspended; nil for Swift's own threads.
  var handlerExecutor: (any TaskExecutor)? { get }
  /// Has `inbox` take a turn soon. The caller has just become bound to do so, by a push or by the end of a turn.
  func schedule(_ inbox: Inbox)
  /// Has `inbox`, whose turn ends now, take another one behind those of others. For the thread that gave the turn, which looks for the
  /// next one itself: nobody need be woken.
  func scheduleAgain(_ inbox: Inbox)
}

extension InboxScheduler {
  var handlerExecutor: (any TaskExecutor)? { nil }

  func scheduleAgain(_ inbox: Inbox) { schedule(inbox) }
}

/// The messages of one endpoint, and the right to run it: its turn.
///
/// ```
///             post (wake)                    turn begins
///   ┌────────┐ ─────────► ┌───────────┐ ─────────────────► ┌─────────┐
///   │  idle  │            │ scheduled │                    │ running │
///   └────────┘ ◄──┐       └───────────┘ ◄───────────────── └─────────┘
///                 │           budget used up, or turn passed on │
///                 └──────────── queue empty ────────────────────┤
///                                                               ▼ OnStop was taken
///                                                           ┌───────┐
///                                                           │ ended │
///                                                           └───────┘
/// ```
///
/// The states are those of the queue's word: whoever has the turn is the queue's consumer. The handlers of a serial endpoint
/// run within the turn; one that suspends takes it along, and passes it on as it ends. Those of a concurrent endpoint whose scheduler has several threads run outside of it: who has
/// the turn takes one message, joins the ``Crew``, passes the turn on, and only then runs the handler. On one thread they run
/// within the turn, too, and join the crew if they may suspend. Invariants:
/// 1. OnStart is posted when the inbox is made, so it is the first message; OnStop closes the queue as it is posted, so it is
///    the last. Each is run exactly once, within the turn and while no handler runs: for OnStop, the crew sees to that.
/// 2. One turn at a time; a turn sees what the one before it wrote, and so do OnStop and the handlers behind OnStart.
/// 3. FIFO for the messages of one sender; a concurrent endpoint's are taken in that order, and run as they come.
/// 4. A message that does not get in is handed back or failed, never lost: see ``post(_:)`` and ``offer(_:bytes:)``.
/// 5. What ``offer(_:bytes:)`` and ``postRemote(content:origin:)`` let in is counted in before it is queued, and counted out
///    exactly once: when it was handled, or when it turned out that the queue was closed. So the level never reads too low,
///    and it reads too high by what one turn has handled and not yet settled, at most an eighth of the bound.
/// 6. Nobody waits for room in a stopped inbox: who waits is called as it stops, and who comes later at once.
///
/// OnStart, OnStop and events of connections are not counted: they are few, and they have to get in.
///
/// What a turn in place touches stands first, as long as a cache line: of many endpoints, each place in memory is one that is not in
/// the processor's caches.
final class Inbox: Sendable {
  /// The mark of one more thread.
  final class OtherMark: Sendable {
    let mark = TurnMark()
  }

  let queue = MPSCQueue<InboxMessage>()
  let endpoint: any EndpointDelivery
  /// Who is at work outside of the turn; nil for a serial endpoint.
  let crew: Crew?
  /// Where the turns stand: on all threads for a serial endpoint, on the first one for a concurrent one.
  private let firstMark = TurnMark()
  let name: String
  /// Consumer-confined: what is left of the batch that was taken from the queue last, and comes before what is queued.
  let rest = Confined<RemoteBatch.Rest?>(nil)
  let scheduler: any InboxScheduler
  let budget: TurnLimit.Budget
  let owner: any InboxOwner
  /// What is queued of users' messages; of a concurrent endpoint, also what is being handled.
  let gauge: FlowGauge
  let bounds: InboxBounds
  /// Where the turns of a concurrent endpoint stand on the other threads.
  private let otherMarks: [OtherMark]
  /// Made with the first handler that may suspend.
  private let madeTasks = OnceReference<HandlerTasks>()

  init(
    name: String, endpoint: any EndpointDelivery, scheduler: any InboxScheduler, budget: TurnLimit.Budget = .init(),
    bounds: InboxBounds = InboxBounds(), owner: any InboxOwner
  ) {
    self.name = name
    self.endpoint = endpoint
    self.scheduler = scheduler
    self.budget = budget
    self.bounds = bounds
    self.owner = owner
    gauge = FlowGauge(bounds.marks)
    crew = endpoint.isConcurrent ? Crew() : nil
    otherMarks = endpoint.isConcurrent ? (1..<max(1, scheduler.threads)).map { _ in OtherMark() } : []
  }

  /// The handlers that are suspended: one at most for a serial endpoint.
  var tasks: HandlerTasks {
    if let tasks = madeTasks.object { return tasks }
    let new = HandlerTasks()
    return madeTasks.set(new) ? new : madeTasks.object ?? new
  }

  // MARK: Marks

  /// A turn runs on a thread from now on.
  func beginMark(ofThread number: Int) {
    if crew == nil || number == 0 { firstMark.begin(on: number) } else { otherMarks[number - 1].mark.begin(on: number) }
  }

  /// The turn on a thread has ended, or is not there any more.
  func endMark(ofThread number: Int) {
    if crew == nil || number == 0 { firstMark.end() } else { otherMarks[number - 1].mark.end() }
  }

  /// How many marks there are.
  var markCount: Int { 1 + otherMarks.count }

  /// The turn that runs now by a mark; as ``TurnMark/current``.
  func turn(ofMark index: Int) -> (turn: UInt, thread: Int)? {
    index == 0 ? firstMark.current : otherMarks[index - 1].mark.current
  }

  /// Posts OnStart.
  ///
  /// To be called once, before anything else is posted.
  func start(_ me: RPCEndpointRef) { post(.start(InboxStart(me))) }

  /// Posts OnStop, and refuses messages from then on.
  ///
  /// Safe to call again.
  func stop() {
    if case .wake = queue.pushLast(.stop) { scheduler.schedule(self) }
    // Behind the push, so that whoever is called finds the inbox stopped.
    gauge.close()
  }

  /// Whether messages are refused.
  var isStopped: Bool { queue.isClosed }

  /// Posts a message from any thread, full or not; one that comes too late fails its asker, and the answer is false.
  ///
  /// For what is not counted, and for tests.
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
    case .remote(_, let origin, _): try? origin.call?.fail(error)
    case .typed(_, let origin, _, _): try? origin.call?.fail(error)
    case .batch(let batch): batch.requests?.fail(error)
    case .local(let message, _): message.fail(error)
    case .bytes: break
    case .bytesRequest(_, let ask): ask.refuse(error)
    case .start: break
    case .stop: break
    case .event: break
    }
  }

  // MARK: Bounds

  /// What became of a message that was offered.
  enum Offered: Equatable, Sendable {
    case taken
    /// There is no room; nobody was told.
    case full
    /// The inbox is stopped; the asker, if there is one, was told.
    case stopped
  }

  /// Posts a message of the same environment from any thread, if there is room.
  ///
  /// - Parameter bytes: what it counts, at least one.
  func offer(_ message: any LocalMessage, bytes: Int) -> Offered {
    let bytes = max(1, bytes)
    return offer(.local(message, bytes: bytes), size: bytes)
  }

  /// Posts a one-way message of raw bytes; as ``offer(_:bytes:)``.
  func offer(_ bytes: [UInt8]) -> Offered { offer(.bytes(bytes), size: InboxMessage.size(of: bytes)) }

  /// Posts a request of raw bytes from any thread, or refuses it for lack of room or because the inbox is stopped.
  func take(_ bytes: [UInt8], _ ask: consuming LocalBytesAsk) {
    let size = InboxMessage.size(of: bytes)
    guard gauge.admit(bytes: size) else {
      // A full inbox that is stopped will have room for nobody, and says so.
      if !isStopped { return ask.refuse(full) }
      post(.bytesRequest(bytes, consume ask))
      return
    }
    if !post(.bytesRequest(bytes, consume ask)) { gauge.remove(messages: 1, bytes: size) }
  }

  private func offer(_ message: consuming InboxMessage, size: Int) -> Offered {
    guard gauge.admit(bytes: size) else {
      // A full inbox that is stopped will have room for nobody.
      guard isStopped else { return .full }
      refuse(message)
      return .stopped
    }
    if post(message) { return .taken }
    gauge.remove(messages: 1, bytes: size)
    return .stopped
  }

  /// What became of a message that came from another process.
  enum PostedRemote: Equatable, Sendable {
    case taken
    /// It was taken, but now the inbox is full: its peer should send nothing more, see ``waitForRoom(_:)``.
    case takenAndFull
    /// The inbox is stopped; the asker, if there is one, was told.
    case refused
  }

  /// Posts a message of another process from any thread, whether there is room or not: what is read is read.
  ///
  /// - Parameter handler: the one that a value is for, see ``TypeHandlers``; if none, the content is whole.
  func postRemote(
    content: [UInt8], origin: MessageOrigin, to handler: Int = TypeHandlers.missing
  ) -> PostedRemote {
    let bytes = max(1, content.count)
    let isFull = gauge.add(bytes: bytes)
    let isIn =
      handler < 0
      ? post(.remote(content: content, origin, bytes: bytes))
      : post(.typed(value: content, origin, handler: Int32(clamping: handler), bytes: Int32(clamping: bytes)))
    if isIn { return isFull ? .takenAndFull : .taken }
    gauge.remove(messages: 1, bytes: bytes)
    return .refused
  }

  /// Whether messages may be posted in batches: a concurrent endpoint's are taken one by one.
  var takesBatches: Bool { crew == nil }

  /// Posts messages of another process; as ``postRemote(content:origin:)``.
  ///
  /// - Parameters:
  ///   - count: how many they are.
  ///   - size: what they are counted with.
  func post(_ batch: RemoteBatch, count: Int, size: Int) -> PostedRemote {
    let isFull = gauge.add(messages: count, bytes: size)
    if post(.batch(batch)) { return isFull ? .takenAndFull : .taken }
    gauge.remove(messages: count, bytes: size)
    return .refused
  }

  /// How much is counted in.
  var level: FlowLevel { gauge.level }
  /// Whether the inbox holds so much that it could not count much more.
  var isBeyondLimit: Bool { InboxBounds.isBeyondLimit(gauge.level) }

  /// Has `onRoom` called once there is room again or the inbox is stopped: at once, or by whoever brings it about.
  ///
  /// `onRoom` runs on any thread, the endpoint's among them, and must not block.
  ///
  /// - Returns: the waiter's name for ``forget(_:)``; nil when `onRoom` was called at once.
  func waitForRoom(_ onRoom: @escaping @Sendable () -> Void) -> FlowGauge.WaiterID? { gauge.wait(onRoom) }

  /// What the endpoint is at, for people.
  var whereabouts: String {
    let threads = (0..<markCount).compactMap(turn).map { scheduler.nameOfThread($0.thread) }
    if !threads.isEmpty { return "a handler is on the thread \(threads.joined(separator: ", "))" }
    let suspended = madeTasks.object?.count ?? 0
    return suspended > 0 ? "handlers are suspended: \(suspended)" : "it waits for a thread"
  }

  /// Gives a waiter up; it may have been called already.
  func forget(_ waiter: FlowGauge.WaiterID) { gauge.forget(waiter) }
}
