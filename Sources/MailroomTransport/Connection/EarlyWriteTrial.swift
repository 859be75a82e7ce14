internal import MailroomQueue

/// Finds out whether requests come through faster with ``EarlyWrite`` or without.
///
/// Loop-confined, pure.
///
/// ```
///                 enough requests                       four windows
///   ┌─────────┐ ──────────────────► ┌──────────────┐ ────────────────────► ┌───────────┐
///   │ resting │                     │   settling   │                       │ measuring │
///   └─────────┘ ◄───────┐           └──────────────┘ ◄──────────────────── └───────────┘
///        ▲              │                                four more,              │
///        │ stop         │                                then the other way      │
///     any state         └────────────────────────────────────────────────────────┘
///                                the last round: the better way is chosen;
///                                or it took too long: as stop
/// ```
///
/// Both ways take turns, four times each. A way's longest time does not count, in which its thread may have been off its processor for
/// long, nor its shortest. A trial is followed by a rest of so many times its length that the worse way costs little, and
/// not too long a one.
///
/// Requests that come at their own pace take the same time both ways; then all leave together, as they do before the first trial.
struct EarlyWriteTrial {
  /// Requests before the first trial.
  static let firstRest = 4096
  /// How many times as many requests as a trial had the rest behind it has.
  static let restFactor = 32
  /// The most requests of a rest: a choice is not to outlive by much what it was made for.
  static let longestRest = 1 << 22
  /// Measurements in a trial.
  static let rounds = 8
  /// Windows of requests until a way has become what it is, as one follows the other, and windows to measure then.
  static let settledWindows = 4
  static let measuredWindows = 4
  /// The fewest requests to measure.
  static let fewest = 1024
  /// The longest measurement, in nanoseconds: a second for a few hundred requests, which come at their own pace then.
  static let longest: UInt64 = 1_000_000_000

  private enum Phase { case resting, settling, measuring }

  /// Whether requests are to leave early now.
  private(set) var isOn: Bool
  private var phase = Phase.resting
  /// Requests until the phase ends.
  private var left = firstRest
  private var round = 0
  /// Requests since the trial began.
  private var tried = 0
  /// When the measurement began, and requests since.
  private var start = MonotonicTime(nanoseconds: 0)
  private var measured = 0
  private var on = Times()
  private var off = Times()

  /// How long a thousand requests took each time, in nanoseconds.
  private struct Times {
    private var least = UInt64.max
    private var most: UInt64 = 0
    private var sum: UInt64 = 0

    mutating func add(_ time: UInt64) {
      least = min(least, time)
      most = max(most, time)
      sum += time
    }

    /// What is left without the longest and the shortest.
    var middle: UInt64 { sum - least - most }
  }

  /// - Parameter isOn: the way until the first trial.
  init(isOn: Bool = false) { self.isOn = isOn }

  /// Notes that requests were made.
  ///
  /// - Parameters:
  ///   - count: how many since the last call.
  ///   - window: how many wait for answers.
  ///   - time: when they were.
  mutating func didMake(_ count: Int, window: Int, by time: MonotonicTime) {
    left -= count
    tried += count
    measured += count
    if left > 0 { return }
    switch phase {
    case .resting:
      isOn = false
      (round, tried) = (0, 0)
      (on, off) = (Times(), Times())
      settle(window)
    case .settling:
      phase = .measuring
      left = max(Self.fewest, Self.measuredWindows * window)
      (start, measured) = (time, 0)
    case .measuring:
      // The clock is read once in a tick, which can end more than once.
      if time <= start { return }
      if !note(time) { return stop() }
      round += 1
      isOn.toggle()
      round < Self.rounds ? settle(window) : choose()
    }
  }

  /// Has all requests of a tick leave together, until others are enough for a trial.
  mutating func stop() {
    isOn = false
    phase = .resting
    left = Self.firstRest
  }

  private mutating func settle(_ window: Int) {
    phase = .settling
    left = Self.settledWindows * window
  }

  /// Adds a measurement; says no when it took so long that there is nothing to gain.
  private mutating func note(_ time: MonotonicTime) -> Bool {
    let nanoseconds = time.nanoseconds - start.nanoseconds
    if nanoseconds > Self.longest { return false }
    let taken = nanoseconds * 1000 / UInt64(measured)
    isOn ? on.add(taken) : off.add(taken)
    return true
  }

  /// What gains less than a sixteenth is not worth the processors' time that it takes.
  private mutating func choose() {
    isOn = on.middle < off.middle - off.middle / 16
    phase = .resting
    left = min(tried * Self.restFactor, Self.longestRest)
  }
}
