internal import MailroomQueue
internal import MailroomTransport
internal import Synchronization

/// Watches the deadlines of asks that never leave the environment.
///
/// Asking must not cost a wake-up of the loop, so an ask only goes into a table that is looked through now and then: at
/// most ``pace`` after the first of a run of asks, or sooner if one is due before. Asks that are complete by then, which is
/// nearly all, have taken themselves out again; the others are kept until their deadline, or until a look finds them complete.
///
/// ```
///              a look finds nothing and keeps nothing new
///   ┌───────┐ ───────────────────────────────────────────► ┌────────┐
///   │ awake │ ◄─────────────────────────────────────────── │ asleep │
///   └───────┘   an ask finds it asleep, and has it look    └────────┘
///        │                                                     │
///        └────────── stop: what is there fails ────────────────┴──► stopped: what comes fails
/// ```
///
/// Where the table has no place for an ask, and for those that do not take themselves out, there is a queue, which has the same
/// states of its own.
final class LocalDeadlines: LoopTask {
  private struct Entry: Sendable {
    let deadline: MonotonicTime
    let ask: any Expirable
  }

  private enum State {
    static let asleep: UInt8 = 0
    static let awake: UInt8 = 1
    static let stopped: UInt8 = 2
  }

  /// The time between two looks, in nanoseconds.
  static let pace: UInt64 = 50_000_000

  private let loop: EventLoop
  private let places = PlaceTable()
  /// Atomic, sequentially consistent, as the table: either an ask finds it awake or stopped, or who changes it finds the ask.
  private let state = Atomic<UInt8>(State.asleep)
  private let queue = MPSCQueue<Entry>()
  /// Loop-confined: asks that were found incomplete.
  private let waiting = Confined<[Entry]>([])
  /// Loop-confined: when to look next, and how to take that back.
  private let next = Confined<(time: MonotonicTime, cancel: (() -> Void)?)>((.distantFuture, nil))

  init(loop: EventLoop) { self.loop = loop }

  /// Watches an ask from now on, which takes itself out when it is complete.
  ///
  /// - Parameter isShort: whether its deadline may be nearer than ``pace``.
  func watch(_ ask: some WatchedAsk, isShort: Bool) {
    guard let place = places.put(ask) else { return add(ask, deadline: ask.deadline) }
    ask.wasPut(at: place)
    switch state.load(ordering: .sequentiallyConsistent) {
    case State.awake: break
    case State.stopped: return failLate(ask, place)
    default:
      let seen = state.compareExchange(
        expected: State.asleep, desired: State.awake, ordering: .sequentiallyConsistent)
      if seen.exchanged { loop.schedule(self) } else if seen.original == State.stopped { return failLate(ask, place) }
    }
    if isShort { loop.execute { [self] in look() } }
  }

  /// Fails an ask that came too late, unless who stops has found it.
  private func failLate(_ ask: some WatchedAsk, _ place: Int) {
    if places.remove(ask, at: place) { ask.refuse(.envStopped) }
  }

  /// Lets go of an ask that is complete; it may not be there any more.
  func forget(_ ask: any AnyObject & Sendable, at place: Int) { places.remove(ask, at: place) }

  /// Watches `ask` from now on.
  func add(_ ask: any Expirable, deadline: MonotonicTime) {
    switch queue.push(Entry(deadline: deadline, ask: ask)) {
    case .queued:
      // The look that is due soon may be too late for a short deadline.
      if deadline < MonotonicTime.now.advanced(byNanoseconds: Self.pace) { loop.execute { [self] in look() } }
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
      state.store(State.stopped, ordering: .sequentiallyConsistent)
      takeWatched { outstanding.append($0) }
      queue.close { outstanding.append($0) }
      for entry in outstanding { entry.ask.fail(.localStopped) }
    }
  }

  func runOnLoop() { look(isWoken: true) }

  /// Takes all asks out of the table.
  private func takeWatched(_ body: (Entry) -> Void) {
    for place in 0..<PlaceTable.count {
      if let ask = places.take(at: place) as? any WatchedAsk { body(Entry(deadline: ask.deadline, ask: ask)) }
    }
  }

  /// - Parameter isWoken: whether an ask has just come, though it may have gone already: then asks are expected to keep coming.
  private func look(isWoken: Bool = false) {
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
    takeWatched { entry in
      sort(entry)
      taken += 1
    }
    while let entry = queue.popFirst() {
      sort(entry)
      taken += 1
    }
    waiting.value = kept
    for entry in expired { entry.ask.fail(.localTimeout) }
    // A look that was on its way when this stopped may have taken what came after it.
    if state.load(ordering: .relaxed) == State.stopped {
      waiting.value = []
      for entry in kept { entry.ask.fail(.localStopped) }
      return
    }
    let keepCome = taken > 0 || isWoken
    // The consumer stays awake, so that posting wakes nobody, while asks keep coming or wait.
    if keepCome || !kept.isEmpty {
      let soon = now.advanced(byNanoseconds: Self.pace)
      next.value.cancel = loop.schedule(at: keepCome ? min(soon, earliest) : earliest) { [self] in look() }
      if keepCome { return }
      // Nothing came: sleep, and let the next ask wake the loop, besides the timer for those that wait.
    }
    let isMore = queue.sleep() == .notEmpty
    if fallAsleep() || isMore { look() }
  }

  /// Has the next ask wake the loop; says whether one has come meanwhile that did not.
  private func fallAsleep() -> Bool {
    let (hasSlept, _) = state.compareExchange(
      expected: State.awake, desired: State.asleep, ordering: .sequentiallyConsistent)
    if !hasSlept || places.isEmpty { return false }
    return state.compareExchange(
      expected: State.asleep, desired: State.awake, ordering: .sequentiallyConsistent
    ).exchanged
  }
}

/// An ask that can be ended from outside.
protocol Expirable: AnyObject, Sendable {
  /// Whether it is complete.
  var isAbandoned: Bool { get }
  /// Completes it with an error, unless it is complete.
  func fail(_ error: RPCError)
}

/// An ask that is watched until it is complete, and then takes itself out.
protocol WatchedAsk: Expirable {
  /// Until when it waits.
  var deadline: MonotonicTime { get }
  /// It is watched, at a place that it is to be taken out of: told before its request goes anywhere.
  func wasPut(at place: Int)
  /// As ``Expirable/fail(_:)``, for whoever is within the call that asks.
  func refuse(_ error: RPCError)
}

/// Where the deadline of an ask is watched, if it is.
struct WatchedPlace: ~Copyable, Sendable {
  /// Atomic, relaxed: written before the request goes anywhere; negative for nowhere.
  private let place = Atomic<Int>(-1)

  /// The ask was put at a place.
  func set(_ place: Int) { self.place.store(place, ordering: .relaxed) }

  /// The ask is complete, and need not be watched any longer.
  func leave(_ ask: any AnyObject & Sendable, in env: RPCEnv?) {
    let place = place.load(ordering: .relaxed)
    if place >= 0 { env?.localDeadlines.forget(ask, at: place) }
  }
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
