internal import MailroomQueue

/// Until when an ask waits for its answer, and what says so.
struct AskLimit: Sendable {
  let deadline: MonotonicTime
  /// Whether the ask was given a timeout of its own.
  let isOwn: Bool
  /// Whether the deadline may be so near that a look at all of them now and then comes too late.
  private(set) var isShort: Bool

  /// Below this many nanoseconds, the configuration's timeout is counted from the exact time.
  private static let exact: UInt64 = 2_000_000_000

  /// The limit of an ask that begins now.
  ///
  /// - Parameter timeout: the ask's own; nil for the configuration's.
  @inline(__always)
  init(_ timeout: Duration?, _ env: borrowing RPCEnv) {
    isOwn = timeout != nil
    let nanoseconds = timeout.map { MonotonicTime.nanoseconds(in: $0) } ?? env.askTimeoutNanoseconds
    // A hundredth of a second less or more says nothing about a timeout that nobody gave and that takes seconds.
    let now = isOwn || nanoseconds < Self.exact ? MonotonicTime.now : .recent
    deadline = now.advanced(byNanoseconds: nanoseconds)
    isShort = nanoseconds < LocalDeadlines.pace
  }

  /// Some of the time is over, so that the deadline may be near now.
  mutating func didWait() { isShort = true }

  /// The same error; when it is a timeout, its message names the setting that governs.
  func named(_ error: RPCError, in env: RPCEnv?) -> RPCError { Self.named(error, isOwn: isOwn, in: env) }

  /// As ``named(_:in:)``, for an ask whose timeout is its own or not.
  static func named(_ error: RPCError, isOwn: Bool, in env: RPCEnv?) -> RPCError {
    if isOwn { return error.controlled(by: "the timeout that the ask was given") }
    return env.map { error.controlled(by: $0.configuration.askTimeoutSource) } ?? error
  }
}
