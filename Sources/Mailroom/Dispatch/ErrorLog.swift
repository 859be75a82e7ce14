internal import Logging
internal import MailroomQueue

/// What an endpoint that has no `onError` of its own leaves in the log: one error at once, and then at most one in ten seconds.
///
/// Those in between are counted, and their number stands in the next line, at the latest in one when the endpoint ends.
///
/// - Thread safety: any thread.
final class ErrorLog: Sendable {
  /// The log of the endpoint whose `onError` is being called, unless somebody else knows of the error.
  ///
  /// By this the one that all endpoints have finds the log: it is given nothing but the error.
  @TaskLocal static var current: ErrorLog?
  /// The least time between two errors that are logged.
  static let pause = Duration.seconds(10)
  /// At how many characters the text of an error is cut: it may quote what a peer sent.
  static let textLimit = 1000

  private struct State {
    var next = MonotonicTime(nanoseconds: 0)
    var unlogged = 0
  }

  private let name: String
  private let logger: Logger
  /// Guarded by its lock.
  private let state = Locked(State())

  /// The log of the endpoint of this name.
  init(of name: String, in logger: Logger) {
    self.name = name
    self.logger = logger
  }

  /// Logs an error, or counts it.
  func report(_ error: any Error, at now: MonotonicTime = .now) {
    let unlogged: Int? = state.withLock { state in
      if now < state.next {
        state.unlogged += 1
        return nil
      }
      defer { state.unlogged = 0 }
      state.next = now.advanced(by: Self.pause)
      return state.unlogged
    }
    guard let unlogged else { return }
    let others = unlogged == 0 ? "" : "; errors before it that are not logged: \(unlogged)"
    let text = String(describing: error).prefix(Self.textLimit)
    logger.warning("The endpoint \(name), which has no onError of its own, has failed: \(text)\(others)")
  }

  /// The endpoint has ended: says how many errors are not logged, if there are any.
  func end() {
    let unlogged = state.withLock { state in
      defer { state.unlogged = 0 }
      return state.unlogged
    }
    guard unlogged > 0 else { return }
    logger.warning("The endpoint \(name) has ended; its last errors that are not logged: \(unlogged)")
  }
}
