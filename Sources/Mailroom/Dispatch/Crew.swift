internal import Synchronization

/// Who is at work in the inbox of a concurrent endpoint, and whether OnStop waits for them: the pure half of ``Crew``.
///
/// ```
///                enter                       enter
///   ┌────────┐ ────────► ┌────────────────┐ ───┐
///   │ nobody │           │   n at work    │ ◄──┘
///   └────────┘ ◄──────── └────────────────┘ leave, while others stay
///        │   leave: last        │
///        │ stop: OnStop         │ stop: OnStop has to wait
///        ▼                      ▼
///   ┌────────┐           ┌────────────────┐ ───┐ enter, by who is at work
///   │ ending │ ◄──────── │ stopping, n at │ ◄──┘
///   └────────┘  leave:   │      work      │ leave, while others stay
///               OnStop   └────────────────┘
/// ```
///
/// Invariants:
/// 1. Only who has the inbox's turn stops or enters, or who is at work, for a handler that may outlast it. Nobody has the turn
///    once `stop` was taken; so nobody enters who finds nobody at work then.
/// 2. OnStop falls to exactly one: to who stops, if nobody is at work, else to the last one to leave. Nobody is at work then,
///    and nobody will be.
struct CrewWord: Equatable, Sendable {
  /// The lowest bit says that OnStop is due, the others count who is at work.
  var bits: UInt

  static var nobody: Self { Self(bits: 0) }
  static var stopBit: UInt { 1 }
  static var one: UInt { 2 }

  /// How many are at work.
  var count: Int { Int(bits >> 1) }
  /// Whether OnStop is due.
  var isStopping: Bool { bits & Self.stopBit != 0 }
  /// Whether whoever brought this word about has to run OnStop.
  var isEnding: Bool { self == Self(bits: Self.stopBit) }

  var entering: Self { Self(bits: bits + Self.one) }
  var leaving: Self { Self(bits: bits - Self.one) }
  var stopping: Self { Self(bits: bits | Self.stopBit) }
}

/// Counts who is at work in the inbox of a concurrent endpoint, so that OnStop runs alone.
///
/// - Thread safety: any thread may leave; who may enter and stop is said at ``CrewWord``.
final class Crew: Sendable {
  /// Atomic: a ``CrewWord``.
  ///
  /// Leaving releases what a handler wrote, and the last one out acquires it, for OnStop.
  private let word = Atomic<UInt>(CrewWord.nobody.bits)

  /// The crew now.
  var state: CrewWord { CrewWord(bits: word.load(ordering: .relaxed)) }

  /// Goes to work.
  func enter() { word.wrappingAdd(CrewWord.one, ordering: .relaxed) }

  /// Leaves work; says whether OnStop falls to the caller.
  func leave() -> Bool {
    CrewWord(bits: word.wrappingSubtract(CrewWord.one, ordering: .acquiringAndReleasing).newValue).isEnding
  }

  /// Has OnStop run when nobody is at work; says whether it falls to the caller.
  func stop() -> Bool {
    CrewWord(bits: word.bitwiseOr(CrewWord.stopBit, ordering: .acquiringAndReleasing).newValue).isEnding
  }
}
