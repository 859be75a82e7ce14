import MailroomQueue
import Synchronization
import XCTest

/// Counts how often each of a number of things is dropped.
final class Lifetimes: Sendable {
  private let drops: Locked<[Int]>

  init(_ count: Int) { drops = Locked(Array(repeating: 0, count: count)) }

  func drop(_ index: Int) { drops.withLock { $0[index] += 1 } }

  /// How many were dropped so far.
  var dropped: Int { drops.withLock { $0.count { $0 > 0 } } }

  /// Fails the test unless everything was dropped exactly once.
  func assertAllDroppedOnce(file: StaticString = #filePath, line: UInt = #line) {
    let drops = drops.withLock { $0 }
    let leaked = drops.indices.filter { drops[$0] == 0 }
    let repeated = drops.indices.filter { drops[$0] > 1 }
    XCTAssert(leaked.isEmpty, "leaked: \(leaked.prefix(10))", file: file, line: line)
    XCTAssert(repeated.isEmpty, "dropped more than once: \(repeated.prefix(10))", file: file, line: line)
  }
}

/// An object whose end is counted.
final class TrackedObject: Sendable {
  let index: Int
  private let lifetimes: Lifetimes

  init(_ index: Int, _ lifetimes: Lifetimes) {
    self.index = index
    self.lifetimes = lifetimes
  }

  deinit { lifetimes.drop(index) }
}

/// A value that cannot be copied, whose end is counted.
struct TrackedValue: ~Copyable, Sendable {
  let index: Int
  private let lifetimes: Lifetimes

  init(_ index: Int, _ lifetimes: Lifetimes) {
    self.index = index
    self.lifetimes = lifetimes
  }

  deinit { lifetimes.drop(index) }
}
