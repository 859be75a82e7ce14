/// How long a thread that has nothing to do looks for work before it sleeps: as long as that has paid lately.
///
/// Waking a thread takes the kernel longer than a short message takes to arrive, so that who waits for a moment only is better off
/// looking. The price is a core that is busy meanwhile. What decides is how long the thread was last without work: spinning
/// for up to ``maximum`` would have found what came within it, and was, or would have been, in vain otherwise.
///
/// ```
///              nothing to do: step(at:)
///   ┌─────────┐ ────────────────► ┌──────────┐ ──┐ step(at:) within the budget: look again,
///   │ working │                   │ spinning │   │ now and then after letting others run
///   └─────────┘ ◄──────────────── └──────────┘ ◄─┘
///        ▲        didFindWork(at:)     │ step(at:) beyond the budget, or after the core was lost: sleep
///        │                             ▼
///        │       didFindWork(at:) ┌──────────┐
///        └─────────────────────── │ sleeping │ ◄── from working at once: no budget, or resting
///                                 └──────────┘
/// ```
///
/// On the way back to `working`, after a time without work
/// - of at most ``maximum``, the budget doubles, from an eighth of the maximum up to all of it;
/// - of more, it halves, from an eighth down to nothing.
///
/// So a thread that is idle, or has something to do now and then only, soon spins no more; one that is woken for messages that follow
/// each other closely spins again after a few of them. It begins with the whole maximum.
///
/// **With more to run than cores.** A thread that spins may stand in the way of the one that it waits for, which is why others
/// are let run every few microseconds. When that, or the system of its own accord, takes the core away for long, somebody else needs it, and
/// a thread that sleeps gets a core back sooner than one that has used its share up with looking. So it rests: it does not spin for fifty
/// times as long as it went without the core.
///
/// Pure: time is given. A maximum of zero never spins, and needs no calls.
public struct SpinBudget: Equatable, Sendable {
  /// What to do with nothing to do.
  public enum Step: Equatable, Sendable {
    /// Look for work again.
    case look
    /// Let other threads run, then look again.
    case yield
    /// Look no more, and sleep.
    case sleep
  }

  /// The highest level, at which the budget is the whole maximum.
  private static let top = 4
  /// Nanoseconds between two times that others are let run.
  static let pace: UInt64 = 4_000
  /// Nanoseconds between two looks from which on the core was somebody else's meanwhile.
  static let absence: UInt64 = 50_000
  /// The same when others were let run in between, which takes a tenth of this when there was nobody.
  static let yieldedAbsence: UInt64 = 5_000
  /// How many times as long as the core was lost not to spin.
  static let restFactor: UInt64 = 50

  /// The longest time to spin, in nanoseconds; zero for never.
  public let maximum: UInt64
  /// Whether to rest when somebody else has had the core.
  private let rests: Bool
  /// How often the budget may halve before nothing is left.
  private var level = top
  /// Since when there has been nothing to do; nil while there is.
  private var idleSince: MonotonicTime?
  private var lastLook = MonotonicTime(nanoseconds: 0)
  private var nextYield = MonotonicTime(nanoseconds: 0)
  private var hasYielded = false
  private var restsUntil = MonotonicTime(nanoseconds: 0)

  /// A budget of at most `maximum`, all of it at first.
  ///
  /// - Parameter rests: false for tests, whose machine may have other things to do.
  public init(maximum: Duration = .zero, rests: Bool = true) {
    self.maximum = MonotonicTime.nanoseconds(in: maximum)
    self.rests = rests
  }

  /// Whether there is anything to decide.
  public var isOn: Bool { maximum > 0 }

  /// For how long to spin now, in nanoseconds.
  public var nanoseconds: UInt64 { level == 0 ? 0 : max(1, maximum >> UInt64(Self.top - level)) }

  /// There is nothing to do: what to do then.
  public mutating func step(at now: MonotonicTime) -> Step {
    guard isOn else { return .sleep }
    defer { lastLook = now }
    guard let idleSince else {
      idleSince = now
      nextYield = now.advanced(byNanoseconds: Self.pace)
      hasYielded = false
      return level > 0 && now >= restsUntil ? .look : .sleep
    }
    rest(at: now)
    hasYielded = false
    if now < restsUntil || now >= idleSince.advanced(byNanoseconds: nanoseconds) { return .sleep }
    if now < nextYield { return .look }
    nextYield = now.advanced(byNanoseconds: Self.pace)
    hasYielded = true
    return .yield
  }

  /// Rests if the last look was so long ago that somebody else had the core meanwhile.
  private mutating func rest(at now: MonotonicTime) {
    let absence = now.nanoseconds - min(now.nanoseconds, lastLook.nanoseconds)
    guard rests, absence >= (hasYielded ? Self.yieldedAbsence : Self.absence) else { return }
    let (rest, overflow) = absence.multipliedReportingOverflow(by: Self.restFactor)
    restsUntil = now.advanced(byNanoseconds: overflow ? .max : rest)
  }

  /// There is something to do again.
  public mutating func didFindWork(at now: MonotonicTime) {
    guard let idleSince else { return }
    // While others ran, work may have come before the next look.
    if hasYielded { rest(at: now) }
    self.idleSince = nil
    if now <= idleSince.advanced(byNanoseconds: maximum) {
      level = min(Self.top, level + 1)
    } else {
      level = max(0, level - 1)
    }
  }
}
