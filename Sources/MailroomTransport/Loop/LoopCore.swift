internal import MailroomQueue

/// Lives on a loop and must be closed before the loop can end.
///
/// Loop-confined.
protocol LoopResident: AnyObject {
  /// Begins to close; leaves the loop with ``LoopCore/remove(_:)`` when done.
  func closeForShutdown()
}

/// The half of an ``EventLoop`` that only its thread touches.
///
/// Loop-confined.
///
/// One tick of libuv, and what is done in it:
///
/// ```
///   timers ─► prepare: run tasks and jobs, flush, fall asleep ─► wait ─► read, accept, tasks ─► check: run jobs, flush
///      ▲                                                                                                       │
///      └──────────────────────────────────────── close callbacks ◄─────────────────────────────────────────────┘
/// ```
///
/// So the frames that a tick produced for a connection leave in one write, or in a few when they are many, and a lone one leaves in the
/// tick it was made in.
///
/// With a ``SpinBudget``, a loop without work does not fall asleep at once: ticks follow each other without waiting, and the task queue
/// goes on saying that the loop is awake, so that posters do not wake it. All else is as in any other tick: timers, closing
/// handles, flushing.
///
/// While the loop waits, another thread may borrow its place by its ``Tenure``, and then is the loop's thread as far as anything here is
/// concerned, but for libuv: that may just have returned from its wait, and be on its way to the callback which takes the place
/// back. So every callback begins with ``awake()``, and a borrower calls no function of libuv that changes anything.
package final class LoopCore {
  /// Tasks run in one go before sockets get their turn.
  private static let taskBudget = 1024
  /// Times that tasks are looked for again before the loop polls instead of sleeping.
  private static let roundsBeforePoll = 4
  /// Tasks between looks at the clock, and how many nanoseconds tasks may run before sockets get their turn: a task can be a whole
  /// turn of an inbox.
  private static let tasksPerLook = 16
  private static let taskTime: UInt64 = 2_000_000

  let uv: UVLoop
  private var async: UVAsync?
  private var prepare: UVPrepare?
  private var check: UVCheck?
  private var idle: UVIdle?
  private var timer: UVTimer?

  /// Whether the last flush was that of one flushable only.
  private(set) var flushesOne = false
  // What every tick touches is in boxes of its own, whose accesses need no checks for exclusivity.
  private let flushes = Confined(FlushQueue())
  /// Parts of Swift tasks that were resumed on the loop.
  private let jobs = Confined(FIFO<UnownedJob>())
  private var timers = DeadlineHeap<() -> Void>()
  private var armedFor = MonotonicTime.distantFuture
  private var residents: [ObjectIdentifier: any LoopResident] = [:]
  private var onEmpty: (() -> Void)?

  /// What the loop does when it has nothing to do.
  private enum Rest {
    /// There is something to do.
    case none
    /// Looks for work without waiting.
    case spinning
    /// Waits, and the task queue says so.
    case asleep
  }

  /// Asleep before the first tick, too: a task posted by then found the queue say so.
  private var rest = Rest.asleep
  private var spin: SpinBudget
  /// Who acts for the loop: its thread, or while it waits another one.
  let tenure = Tenure()
  /// Whether the loop's place can be borrowed: one that spins is woken for what there is to send, and then looks for the answer.
  ///
  /// Immutable after init, and false exactly for a loop that spins.
  private let lends: Bool
  /// Wakes that posters have made or will make.
  private(set) var wakesOwed = 0
  /// The time when the current tick began; not older than what the tick handles.
  private(set) var tickTime = MonotonicTime.now

  var drain: (Int) -> Int = { _ in 0 }
  var beginTurn: () -> Bool = { true }
  var sleep: () -> MPSCQueue<EventLoop.Work>.Slept = { .asleep }
  /// Whether tasks are queued; asked only between two looks of a loop that spins.
  var hasTasks: () -> Bool = { false }
  var runJob: (UnownedJob) -> Void = { _ in }
  /// Has a job run elsewhere, because the loop has ended.
  var passOn: (UnownedJob) -> Void = { _ in }

  /// - Parameter spin: for how long the loop looks for work before it sleeps.
  init(spin: SpinBudget = SpinBudget()) throws(UVError) {
    self.spin = spin
    lends = !spin.isOn
    if spin.isOn { tenure.take() }
    uv = try UVLoop()
    // No reference is counted for a callback: they all come from `run()`, within which the core lives, as do the close callbacks below.
    do throws(UVError) {
      async = try UVAsync(uv) { [unowned(unsafe) self] in
        awake()
        _ = runTasks(until: tickTime.advanced(byNanoseconds: Self.taskTime))
      }
      prepare = try UVPrepare(uv) { [unowned(unsafe) self] in prepareToWait() }
      check = try UVCheck(uv) { [unowned(unsafe) self] in
        if rest == .asleep { awake() }
        // Before the flush, so that what they send leaves in the tick that resumed them.
        if !jobs.value.isEmpty { _ = runJobs(until: tickTime.advanced(byNanoseconds: Self.taskTime)) }
        flushDirty()
      }
      idle = try UVIdle(uv)
      timer = try UVTimer(uv) { [unowned(unsafe) self] in fireTimers() }
    } catch {
      closeHandles()
      uv.run()
      throw error
    }
  }

  var waker: UVAsync.Waker { async.unsafelyUnwrapped.waker }

  func run() { uv.run() }

  /// Notes that the loop is running, so that posters need not wake it.
  func awake() {
    if rest == .none { return }
    let wasAsleep = rest == .asleep
    if wasAsleep && lends { tenure.take() }
    rest = .none
    tickTime = .now
    if !lends { spin.didFindWork(at: tickTime) }
    // When the queue is not idle any more, somebody pushed and is bound to wake this loop.
    if wasAsleep && !beginTurn() { wakesOwed += 1 }
  }

  private func prepareToWait() {
    if rest == .spinning {
      // What was closed in the last tick may have left something to write.
      flushDirty()
      if goesOnSpinning() || (jobs.value.isEmpty && !hasTasks() && fallsAsleep()) { return }
    }
    awake()
    var round = 0
    let end = MonotonicTime.now.advanced(byNanoseconds: Self.taskTime)
    while true {
      var isOutOfTime = !runTasks(until: end)
      if !jobs.value.isEmpty && !runJobs(until: end) { isOutOfTime = true }
      flushDirty()
      if goesOnSpinning() {
        rest = .spinning
        idle?.set(started: true)
        return
      }
      if fallsAsleep() { return }
      round += 1
      if isOutOfTime || round >= Self.roundsBeforePoll {
        idle?.set(started: true)
        tickTime = .now
        return
      }
    }
  }

  /// Whether the loop, which has nothing to do but perhaps tasks, is to look for work without waiting.
  private func goesOnSpinning() -> Bool {
    guard !lends, jobs.value.isEmpty, !hasTasks() else { return false }
    return Processor.waits(spin.step(at: .now))
  }

  /// Has the loop wait for the next event, unless a task or a job is queued; says whether it will.
  private func fallsAsleep() -> Bool {
    if !jobs.value.isEmpty { return false }
    let slept = sleep()
    if slept == .notEmpty { return false }
    idle?.set(started: false)
    rest = slept == .asleep ? .asleep : .none
    // The last thing of all: from here on somebody else may act.
    if rest == .asleep && lends { tenure.give() }
    return true
  }

  /// Notes that a borrower begins to act.
  func didLend() { tickTime = .now }

  /// Runs tasks up to the budget; says whether there was time for them.
  private func runTasks(until end: MonotonicTime) -> Bool {
    var left = Self.taskBudget
    while left > 0 {
      let count = drain(Self.tasksPerLook)
      if count < Self.tasksPerLook { return true }
      if MonotonicTime.now >= end { return false }
      left -= count
    }
    return true
  }

  // MARK: Jobs

  /// Has `job` run in this tick, or in the next one when there are many; elsewhere, once the loop has closed its handles.
  func add(_ job: UnownedJob) {
    if async == nil { passOn(job) } else { jobs.value.append(job) }
  }

  /// Runs jobs up to the budget, those that jobs have added included; says whether none is left.
  private func runJobs(until end: MonotonicTime) -> Bool {
    var count = 0
    while let job = jobs.value.popFirst() {
      runJob(job)
      count += 1
      if count % Self.tasksPerLook == 0 && (count >= Self.taskBudget || MonotonicTime.now >= end) {
        return jobs.value.isEmpty
      }
    }
    return true
  }

  // MARK: Flushing

  /// Has `flushable` flushed at the end of the tick.
  ///
  /// The caller sees to it that it is added once per tick.
  func markDirty(_ flushable: any LoopFlushable) {
    flushes.value.append(flushable)
  }

  private func flushDirty() {
    while true {
      if let only = flushes.value.takeOnly() {
        flushesOne = true
        only.flush()
        continue
      }
      if flushes.value.count == 0 { return }
      flushesOne = false
      var all = flushes.value.takeAll()
      for flushable in all { flushable.flush() }
      // Let go of here: an end of one may lead back to the queue.
      all.removeAll(keepingCapacity: true)
      flushes.value.giveBack(all)
    }
  }

  // MARK: Timers

  typealias TimerID = DeadlineHeap<() -> Void>.ID

  /// Runs `action` on the loop at `deadline` or up to a millisecond later.
  func schedule(at deadline: MonotonicTime, _ action: @escaping () -> Void) -> TimerID {
    let id = timers.insert(action, at: deadline)
    if deadline < armedFor { arm(for: deadline) }
    return id
  }

  /// Forgets a timer; does nothing when it has run.
  func cancel(_ id: TimerID) {
    timers.cancel(id)
  }

  private func arm(for deadline: MonotonicTime) {
    armedFor = deadline
    let now = MonotonicTime.now
    // Rounded up, so that the timer never comes up before the deadline.
    let wait = deadline > now ? (deadline.nanoseconds - now.nanoseconds + 999_999) / 1_000_000 : 0
    timer?.start(milliseconds: min(wait, UInt64(Int64.max)))
  }

  private func fireTimers() {
    awake()
    armedFor = .distantFuture
    let now = MonotonicTime.now
    tickTime = now
    while let action = timers.popDue(now: now) { action() }
    if let next = timers.nextDeadline() { arm(for: next) }
  }

  // MARK: Ending

  /// Whether what is added is closed at once.
  var isShuttingDown: Bool { onEmpty != nil }

  /// Takes part in the loop's life from now on; closed at once when the loop is shutting down.
  func add(_ resident: any LoopResident) {
    residents[ObjectIdentifier(resident)] = resident
    if isShuttingDown { resident.closeForShutdown() }
  }

  func remove(_ resident: any LoopResident) {
    residents[ObjectIdentifier(resident)] = nil
    if residents.isEmpty { endIfShuttingDown() }
  }

  /// Closes all residents; when none is left, runs `closeTasks` and closes the loop's own handles, which ends ``run()``.
  ///
  /// - Parameter closeTasks: has no task posted from now on, and runs those that were. Runs again when they added residents.
  func beginShutdown(_ closeTasks: @escaping () -> Void) {
    guard onEmpty == nil, async != nil else { return }
    onEmpty = closeTasks
    if residents.isEmpty { return endIfShuttingDown() }
    for resident in Array(residents.values) { resident.closeForShutdown() }
  }

  private func endIfShuttingDown() {
    guard let closeTasks = onEmpty, async != nil else { return }
    awake()
    // What is still queued may add residents, so it runs first; then they are waited for again.
    closeTasks()
    guard residents.isEmpty, async != nil else { return }
    flushDirty()
    closeHandles()
  }

  func closeHandles() {
    let handles: [UVHandle?] = [async, prepare, check, idle, timer]
    (async, prepare, check, idle, timer) = (nil, nil, nil, nil, nil)
    for handle in handles { handle?.close() }
    while let job = jobs.value.popFirst() { passOn(job) }
    // None of them will come up any more, and what they refer to may refer to this loop.
    timers = DeadlineHeap()
  }
}
