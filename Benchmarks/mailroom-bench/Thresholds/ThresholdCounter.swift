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
    let callSlack: Double
    switch steadiness {
    case .exact: (allocations, callSlack) = ((1.02, 0.08), 0.3)
    case .hops: (allocations, callSlack) = ((1.15, 0.3), 1)
    case .pieces: (allocations, callSlack) = ((2, 2), 1)
    }
    return [
      ThresholdCounter(
        name: "allocations", value: \.allocations, factor: allocations.factor, slack: allocations.slack),
      // Buffers double now and then, which is a lot of bytes once in many messages.
      ThresholdCounter(name: "allocated bytes", value: \.allocatedBytes, factor: 1.5, slack: 64),
      ThresholdCounter(name: "system calls", value: \.systemCalls, factor: 2, slack: callSlack),
      ThresholdCounter(name: "wake-ups", value: \.wakeUps, factor: 2, slack: callSlack),
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
