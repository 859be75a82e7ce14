internal import Foundation

/// Tells a person what is going on: one line that is rewritten on a terminal, plain lines elsewhere.
///
/// On standard error.
struct Progress: Sendable {
  let isTerminal = isatty(STDERR_FILENO) != 0

  /// Says what is being done, and on a terminal how far it is, until it is stopped.
  func ticker(_ title: String) -> Ticker {
    if !isTerminal { write("\(title) …\n") }
    return Ticker(title, isTerminal ? self : nil)
  }

  func note(_ text: String) { write(isTerminal ? "\r\u{1B}[K\(text)\n" : "\(text)\n") }

  fileprivate func rewrite(_ text: String) { write("\r\u{1B}[K\(text)") }

  private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}

/// Rewrites a line while senders are at work, from a thread that no counter sees.
final class Ticker: @unchecked Sendable {
  // Proof: everything mutable is touched under `lock`.
  private let lock = NSCondition()
  private var recorder: Recorder?  // guarded by lock
  private var isStopped = false  // guarded by lock
  private let title: String

  fileprivate init(_ title: String, _ progress: Progress?) {
    self.title = title
    guard let progress else { return }
    Thread.detachNewThread { [self] in
      leaveOutThisThread()
      run(progress)
    }
  }

  /// Shows how far this one is; nil while none is counting.
  func follow(_ recorder: Recorder?) { lock.withLock { self.recorder = recorder } }

  func stop() {
    lock.withLock {
      isStopped = true
      lock.signal()
    }
  }

  private func run(_ progress: Progress) {
    lock.withLock {
      while !isStopped {
        progress.rewrite(line)
        _ = lock.wait(until: Date(timeIntervalSinceNow: 0.2))
      }
      progress.rewrite("")
    }
  }

  private var line: String {
    guard let recorder else { return "\(title): warming up" }
    let seconds = Double(Clock.now - recorder.start) / 1e9
    return "\(title): \(Format.count(Double(recorder.count) / max(seconds, 1e-9)))/s"
  }
}
