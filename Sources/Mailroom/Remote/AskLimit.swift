internal import MailroomQueue

/// Until when an ask waits for its answer, and what says so.
struct AskLimit: Sendable {
  let deadline: MonotonicTime
  /// The setting that governs, for the error.
  let source: String

  /// The limit of an ask that begins now.
  ///
  /// - Parameter timeout: the ask's own; nil for the configuration's.
  init(_ timeout: Duration?, _ env: RPCEnv) {
    if let timeout {
      deadline = .now.advanced(by: timeout)
      source = "the timeout that the ask was given"
    } else {
      deadline = .now.advanced(byNanoseconds: env.askTimeoutNanoseconds)
      source = env.configuration.askTimeoutSource
    }
  }
}
