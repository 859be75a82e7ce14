internal import MailroomQueue

/// How long to leave a peer alone after connecting to it failed: a pure value.
///
/// The pause doubles with each failure in a row up to a maximum, and is cut by up to half at random, so that the clients of a
/// peer that went down do not come back all at once.
struct ReconnectBackoff: Equatable {
  /// The pause after the first failure; zero switches pauses off.
  let first: Duration
  /// The longest pause.
  let maximum: Duration
  /// Attempts that failed in a row.
  private var failures = 0
  /// The pause after the last of them, uncut.
  private var pause = Duration.zero

  init(first: Duration, maximum: Duration) {
    self.first = first
    self.maximum = maximum
  }

  /// Notes a failure; returns the pause that follows.
  ///
  /// - Parameter jitter: 0 to 1: which part of the second half of the pause is kept.
  mutating func failed(jitter: Double) -> Duration {
    pause = failures == 0 ? min(first, maximum) : min(pause * 2, maximum)
    failures += 1
    return pause * (0.5 + 0.5 * min(max(jitter, 0), 1))
  }

  /// Whether the last attempt failed.
  var hasFailed: Bool { failures > 0 }

  /// Notes that a connection was made.
  mutating func succeeded() { failures = 0 }
}
