internal import Synchronization

/// Who acts for a consumer: its own thread while that is awake, another thread for a moment while it sleeps.
///
/// What a thread is the only one to touch, another one may touch while the first certainly sleeps, provided that it cannot wake up in
/// between. So a lone piece of work is done without waking anybody: whoever has it borrows the place of the sleeper.
///
/// ```
///               take                          borrow
///   ┌───────┐ ◄─────── ┌────────┐ ─────────────────────────► ┌──────────┐
///   │ awake │          │ asleep │                            │ borrowed │
///   └───────┘ ───────► └────────┘ ◄───────────────────────── └──────────┘
///       ▲       give                       giveBack               │ take: waits
///       │                                                         ▼
///       │                   giveBack: lets it go on          ┌─────────┐
///       └─────────────────────────────────────────────────── │ awaited │
///                                                            └─────────┘
/// ```
///
/// Invariants:
/// 1. At most one thread acts at a time: the owner in `awake`, the borrower in `borrowed` and `awaited`, nobody in `asleep`.
/// 2. Who acts sees what was done by whoever acted before: each way out of a state that somebody acts in is a release, and each
///    way into one an acquire.
/// 3. Once the owner waits it is next: from `awaited` the place goes to nobody else.
///
/// - Thread safety: ``take()`` and ``give()`` for the owner, in turns; ``borrow()`` for any other thread, followed by ``giveBack()`` if it
///   succeeded.
/// - Cost: one atomic operation each. A system call each if the owner wakes up while its place is borrowed for longer than it takes to
///   look a few times.
public struct Tenure: ~Copyable, Sendable {
  /// How often the owner looks whether its place is free before it waits: as long as the rest of a system call takes.
  private static let looks = 64

  /// Atomic; pairs with itself, as said at the type.
  private let word = Atomic<UInt8>(State.asleep.rawValue)
  private let parker = Parker()

  /// Who acts.
  enum State: UInt8 { case asleep, awake, borrowed, awaited }

  /// A place whose owner sleeps.
  public init() {}

  /// Makes the owner act again; waits while its place is borrowed.
  public func take() {
    for _ in 0..<Self.looks {
      if begin(.awake) { return }
      _ = Processor.waits(.look)
    }
    while !begin(.awake) {
      let awaited = word.compareExchange(
        expected: State.borrowed.rawValue, desired: State.awaited.rawValue, ordering: .relaxed
      ).exchanged
      guard awaited else { continue }
      parker.park()
      // What the borrower did comes before this, by its release.
      _ = word.load(ordering: .acquiring)
      return
    }
  }

  /// Says that the owner sleeps from now on: it touches nothing more until ``take()``.
  public func give() { word.store(State.asleep.rawValue, ordering: .releasing) }

  /// Makes the caller act, if the owner sleeps and nobody else acts for it.
  public func borrow() -> Bool {
    // A look first: an owner that is awake is not to lose its cache line to those who would borrow.
    word.load(ordering: .relaxed) == State.asleep.rawValue && begin(.borrowed)
  }

  /// Ends what ``borrow()`` began.
  public func giveBack() {
    let returned = word.compareExchange(
      expected: State.borrowed.rawValue, desired: State.asleep.rawValue, successOrdering: .releasing,
      failureOrdering: .relaxed
    ).exchanged
    if returned { return }
    word.store(State.awake.rawValue, ordering: .releasing)
    parker.unpark()
  }

  /// Who acts right now; for tests.
  var state: State { State(rawValue: word.load(ordering: .relaxed)) ?? .awake }

  @inline(__always)
  private func begin(_ state: State) -> Bool {
    word.compareExchange(
      expected: State.asleep.rawValue, desired: state.rawValue, successOrdering: .acquiring, failureOrdering: .relaxed
    ).exchanged
  }
}
