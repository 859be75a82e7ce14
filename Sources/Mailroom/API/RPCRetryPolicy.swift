/// How often an ask is repeated, and how long it waits in between.
public struct RPCRetryPolicy: Sendable, Hashable {
  /// Attempts in all, the first one included; at least 1.
  public var attempts: Int
  /// The pause after the first attempt that failed; no pause is above a day.
  public var wait: Duration
  /// By what each pause is longer than the one before it; at least 1.
  public var factor: Double
  /// Which part of a pause is left to chance, 0 to 1, so that askers that failed together do not come back together.
  public var jitter: Double

  /// A policy of the given parts.
  ///
  /// The defaults are those of an ask without a policy, which is ``init(_:)`` of the default ``RPCConfiguration``: the 3 attempts and 3 s
  /// of the reference's older `askWithRetry`. That pauses double, and half of each is left to chance, is Mailroom's own; a
  /// factor of 1 and no jitter are the reference's.
  public init(attempts: Int = 3, wait: Duration = .seconds(3), factor: Double = 2, jitter: Double = 0.5) {
    self.attempts = attempts
    self.wait = wait
    self.factor = factor
    self.jitter = jitter
  }

  /// The policy of ``RPCConfiguration/retryAttempts`` and ``RPCConfiguration/retryWait``, with the default factor and jitter.
  public init(_ configuration: RPCConfiguration) {
    self.init(attempts: configuration.retryAttempts, wait: configuration.retryWait)
  }

  /// A day.
  private static let longestPause = Duration.seconds(86_400)

  /// The pause after the attempt of this number, counted from 1.
  ///
  /// - Parameter chance: 0 to 1.
  func pause(afterAttempt number: Int, chance: Double) -> Duration {
    // Within what a duration can be multiplied by; a factor or jitter that is no number counts as none.
    let factor = factor.isNaN ? 1 : min(max(1, factor), 1000)
    let jitter = jitter.isNaN ? 0 : min(max(jitter, 0), 1)
    var pause = min(max(wait, .zero), Self.longestPause)
    for _ in 1..<max(number, 1) where pause < Self.longestPause { pause = min(pause * factor, Self.longestPause) }
    return pause * (1 - jitter * min(max(chance, 0), 1))
  }

  /// Whether another attempt may end better: the endpoint's own answers, and what is wrong with the request, stay.
  static func mayHelp(after error: RPCError) -> Bool {
    switch error.code {
    case .connectFailed, .connectionLost, .timeout, .full, .unresolvableHost, .endpointNotFound, .endpointStopped: true
    default: false
    }
  }
}
