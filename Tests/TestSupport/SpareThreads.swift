internal import Foundation

/// Threads for what blocks, which are kept for the next time.
///
/// A test that reads from a socket in a loop would start a thread for every read. Thousands of them make a run under a sanitizer
/// slow, and more of them than the kernel has numbers for make its leak detector take a new thread for one that has ended: it then
/// misses what only the new one refers to.
public final class SpareThreads: @unchecked Sendable {
  // Proof: the two fields are only touched while the condition's lock is held; the condition is immutable.
  private let condition = NSCondition()
  private var jobs: [@Sendable () -> Void] = []  // guarded by condition
  private var idle = 0  // guarded by condition

  private static let shared = SpareThreads()

  private init() {}

  /// Runs `job` on a thread on which nothing else runs, and that is none of a loop's or of the tasks'.
  public static func run(_ job: @escaping @Sendable () -> Void) { shared.add(job) }

  private func add(_ job: @escaping @Sendable () -> Void) {
    condition.lock()
    defer { condition.unlock() }
    jobs.append(job)
    // An idle thread that has been signalled counts until it runs, and so does its job.
    if idle >= jobs.count { condition.signal() } else { Thread.detachNewThread { [self] in serve() } }
  }

  private func serve() -> Never {
    // A new thread has the name of the one that starts it, which tests would take for a loop's.
    Thread.current.name = "spare"
    while true { next()() }
  }

  private func next() -> @Sendable () -> Void {
    condition.lock()
    defer { condition.unlock() }
    while jobs.isEmpty {
      idle += 1
      condition.wait()
      idle -= 1
    }
    return jobs.removeFirst()
  }
}
