import MailroomQueue
import TestSupport
import XCTest

/// Runs `body` on so many threads, all let go at once, and waits until they have ended.
///
/// - Returns: whether they ended in time; the test has failed if not.
@discardableResult
func race(
  _ count: Int, _ name: String, file: StaticString = #filePath, line: UInt = #line,
  _ body: @escaping @Sendable (_ index: Int) -> Void
) throws -> Bool {
  let gate = Signal("all of \(name) to start")
  let ended = Signal("all of \(name) to end")
  let threads = try (0..<count).map { index in
    try WorkerThread(name: "\(name)-\(index)") {
      if gate.wait() { body(index) }
      ended.fire()
    }
  }
  for _ in threads { gate.fire() }
  guard ended.wait(count, file: file, line: line) else {
    abandon(threads)
    return false
  }
  for thread in threads { thread.join() }
  return true
}

/// Runs `body` on a thread of its own and waits until it has ended.
///
/// - Returns: what `body` returned; nil if it did not return in time, and then the test has failed.
func onThread<Value: Sendable>(
  _ name: String, file: StaticString = #filePath, line: UInt = #line, _ body: @escaping @Sendable () -> Value
) throws -> Value? {
  let result = Locked<Value?>(nil)
  let shared = Shared(result)
  try race(1, name, file: file, line: line) { _ in
    let value = body()
    shared.value.withLock { $0 = value }
  }
  return shared.value.withLock { $0 }
}

/// Keeps threads that did not end for good, because joining them would hang the test run.
func abandon(_ threads: [WorkerThread]) {
  for thread in threads { _ = Unmanaged.passRetained(thread) }
}

/// Waits, giving way to other threads, until `condition` holds; fails the test if it does not come to hold.
///
/// For what nobody signals, like the kernel's lists of threads.
///
/// - Returns: whether it came to hold.
@discardableResult
func eventually(
  _ what: String, seconds: Int = 20, file: StaticString = #filePath, line: UInt = #line, _ condition: () -> Bool
) -> Bool {
  let deadline = MonotonicTime.now.advanced(by: .seconds(seconds))
  while !condition() {
    if MonotonicTime.now > deadline {
      XCTFail("waited \(seconds) s for \(what)", file: file, line: line)
      return false
    }
    ThreadID.yield()
  }
  return true
}

/// Something that cannot be copied, where many threads can refer to it.
final class Shared<Value: ~Copyable & Sendable>: Sendable {
  let value: Value

  init(_ value: consuming Value) { self.value = value }
}
