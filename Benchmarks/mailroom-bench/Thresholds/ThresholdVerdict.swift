/// One counter of one process, beside its threshold.
struct ThresholdVerdict: Equatable {
  enum Outcome: Equatable {
    /// Within the tolerance.
    case holds
    /// Above it.
    case exceeded
    /// So far below that the threshold should be lowered.
    case better
  }

  let scenario, process, counter: String
  let measured, threshold, limit: Double
  let outcome: Outcome

  /// All counters of a scenario.
  static func verdicts(
    scenario: String, _ steadiness: ThresholdCounter.Steadiness, measured: Threshold, threshold: Threshold
  ) -> [ThresholdVerdict] {
    [("client", \Threshold.client), ("server", \Threshold.server)].flatMap { process, side in
      ThresholdCounter.all(steadiness).map { counter in
        let (now, was) = (
          measured[keyPath: side][keyPath: counter.value], threshold[keyPath: side][keyPath: counter.value]
        )
        let limit = counter.limit(for: was)
        return ThresholdVerdict(
          scenario: scenario, process: process, counter: counter.name, measured: now, threshold: was, limit: limit,
          outcome: now > limit ? .exceeded : counter.limit(for: now) < was ? .better : .holds)
      }
    }
  }

  static let columns = ["scenario", "process", "counter", "per message", "threshold", "allowed", ""]

  /// For a table.
  var cells: [String] {
    let numbers = [measured, threshold, limit].map(Format.perMessage)
    let word =
      switch outcome {
      case .holds: ""
      case .exceeded: "EXCEEDED"
      case .better: "better"
      }
    return [scenario, process, counter] + numbers + [word]
  }
}
