internal import MailroomQueue
internal import MailroomTransport

/// Watches the deadlines of asks that never leave the environment.
///
/// Asking must not cost a wake-up of the loop, so an ask only goes into a queue that is looked through now and then: at
/// most ``pace`` after the first of a run of asks, or sooner if one is due before. Asks that are complete by then, which is
/// nearly all, are dropped; the others are kept until their deadline.
final class LocalDeadlines: LoopTask {
  private struct Entry: Sendable {
    let deadline: MonotonicTime
    let ask: any Expirable
  }

  private static let pace = Duration.milliseconds(50)

  private let loop: EventLoop
  private let queue = MPSCQueue<Entry>()
  /// Loop-confined: asks that were found incomplete.
  private let waiting = Confined<[Entry]>([])
  /// Loop-confined: when to look next, and how to take that back.
  private let next = Confined<(time: MonotonicTime, cancel: (() -> Void)?)>((.distantFuture, nil))

  init(loop: EventLoop) { self.loop = loop }

  /// Watches `ask` from now on.
  func add(_ ask: any Expirable, deadline: MonotonicTime) {
    switch queue.push(Entry(deadline: deadline, ask: ask)) {
    case .queued:
      // The look that is due soon may be too late for a short deadline.
      if deadline < MonotonicTime.now.advanced(by: Self.pace) { loop.execute { [self] in look() } }
    case .wake: loop.schedule(self)
    case .closed: ask.fail(.envStopped)
    }
  }

  /// Fails the asks that are not complete, and those that come from now on.
  ///
  /// To be called before the loop ends.
  func stop() {
    loop.execute { [self] in
      next.value.cancel?()
      next.value.cancel = nil
      var outstanding = waiting.value
      waiting.value = []
      queue.close { outstanding.append($0) }
      for entry in outstanding { entry.ask.fail(.localStopped) }
    }
  }

  func runOnLoop() { look() }

  private func look() {
    next.value.cancel?()
    next.value.cancel = nil
    let now = MonotonicTime.now
    var earliest = MonotonicTime.distantFuture
    var kept: [Entry] = []
    var expired: [Entry] = []
    func sort(_ entry: Entry) {
      if entry.ask.isAbandoned { return }
      if entry.deadline <= now { return expired.append(entry) }
      kept.append(entry)
      earliest = min(earliest, entry.deadline)
    }
    for entry in waiting.value { sort(entry) }
    var taken = 0
    while let entry = queue.popFirst() {
      sort(entry)
      taken += 1
    }
    waiting.value = kept
    for entry in expired { entry.ask.fail(.localTimeout) }
    // The consumer stays awake, so that posting wakes nobody, while asks keep coming or wait.
    if taken > 0 || !kept.isEmpty {
      let soon = now.advanced(by: Self.pace)
      next.value.cancel = loop.schedule(at: taken > 0 ? min(soon, earliest) : earliest) { [self] in look() }
      if taken > 0 { return }
      // Nothing came: sleep, and let the next ask wake the loop, besides the timer for those that wait.
    }
    if queue.sleep() == .notEmpty { look() }
  }
}

/// An ask that can be ended from outside.
protocol Expirable: AnyObject, Sendable {
  /// Whether it is complete.
  var isAbandoned: Bool { get }
  /// Completes it with an error, unless it is complete.
  func fail(_ error: RPCError)
}

extension RPCError {
  /// The error of an ask that was outstanding when its environment was shut down: its handler may have run.
  fileprivate static var localStopped: RPCError {
    var error = RPCError.envStopped
    error.execution = .unknown
    return error
  }

  fileprivate static var localTimeout: RPCError {
    RPCError(.timeout, "no answer from the endpoint of the same environment before the deadline")
  }
}
