internal import MailroomQueue

/// Until when an ask waits for its answer, and what says so.
struct AskLimit: Sendable {
  let deadline: MonotonicTime
  /// The setting that governs, for the error.
  let source: String

  /// The limit of an ask that begins now.
  ///
  /// - Parameter timeout: the ask's own; nil for the configuration's.
  init(_ timeout: Duration?, _ configuration: RPCConfiguration) {
    deadline = .now.advanced(by: timeout ?? configuration.askTimeout)
    source = timeout == nil ? configuration.askTimeoutSource : "the timeout that the ask was given"
  }
}
