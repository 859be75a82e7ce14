internal import Synchronization

/// How fast a ``SlowEndpoint`` takes messages, and how many it has taken.
///
/// - Thread safety: any thread.
final class SlowPace: Sendable {
  /// Nanoseconds from one message to the next.
  let interval: UInt64
  private let hurried = Atomic<Bool>(false)
  private let count = Atomic<UInt64>(0)

  /// A pace of `rate` messages per second.
  init(rate: Double) { interval = UInt64(1e9 / rate) }

  /// Whether messages are taken as fast as they come.
  var isHurried: Bool { hurried.load(ordering: .relaxed) }
  /// Messages taken so far.
  var taken: UInt64 { count.load(ordering: .relaxed) }

  /// Lets messages be taken as fast as they come, from now on.
  func hurry() { hurried.store(true, ordering: .relaxed) }

  func didTake() { count.add(1, ordering: .relaxed) }
}
