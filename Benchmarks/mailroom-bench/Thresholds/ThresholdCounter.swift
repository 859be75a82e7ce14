/// A counter that thresholds are for, and how far it may be above one.
struct ThresholdCounter {
  let name: String
  let value: KeyPath<Threshold.Side, Double>
  /// Above the threshold by this factor and this much more is still within it.
  let factor, slack: Double

  /// How much is still within a threshold.
  func limit(for threshold: Double) -> Double { threshold * factor + slack }

  /// All of them, with the tolerances of a scenario.
  static func all(_ steadiness: Steadiness) -> [ThresholdCounter] {
    let allocations: (factor: Double, slack: Double)
    // Calls depend on how many messages a thread finds when it comes to look, thus on what else the machine does. What their
    // thresholds are to find is a call per message where there was one per batch.
    let calls: (factor: Double, slack: Double)
    switch steadiness {
    case .exact: (allocations, calls) = ((1.02, 0.08), (2, 0.3))
    case .hops: (allocations, calls) = ((1.15, 0.3), (2, 1))
    case .pieces: (allocations, calls) = ((2, 2), (4, 4))
    }
    return [
      ThresholdCounter(
        name: "allocations", value: \.allocations, factor: allocations.factor, slack: allocations.slack),
      // Buffers double now and then, which is a lot of bytes once in many messages.
      ThresholdCounter(name: "allocated bytes", value: \.allocatedBytes, factor: 1.5, slack: 64),
      ThresholdCounter(name: "system calls", value: \.systemCalls, factor: calls.factor, slack: calls.slack),
      ThresholdCounter(name: "wake-ups", value: \.wakeUps, factor: calls.factor, slack: calls.slack),
    ]
  }

  /// How well a scenario's allocations repeat.
  enum Steadiness {
    /// Everything happens on event loops: the same for every message.
    case exact
    /// Messages cross threads, and a thread that had to be woken may allocate for it.
    case hops
    /// A message is more than a socket takes at a time, and the kernel decides into how many pieces it goes.
    case pieces
  }
}
