internal import Dispatch
internal import XCTest

/// A condition that tests wait for, with a deadline and a name.
public final class Signal: @unchecked Sendable {
  // Proof: a dispatch semaphore may be used from any thread; the name is immutable.
  private let semaphore = DispatchSemaphore(value: 0)
  /// What is waited for.
  public let name: String

  /// A signal that has not fired.
  public init(_ name: String) { self.name = name }

  /// Lets one wait through.
  public func fire() { semaphore.signal() }

  /// Waits for as many `fire()` calls as `count`, and fails the test, naming what was waited for, if they do not come.
  ///
  /// - Returns: whether they came.
  @discardableResult
  public func wait(_ count: Int = 1, seconds: Int = 20, file: StaticString = #filePath, line: UInt = #line) -> Bool {
    let deadline = DispatchTime.now() + .seconds(seconds)
    for index in 0..<count where semaphore.wait(timeout: deadline) == .timedOut {
      XCTFail("waited \(seconds) s for \(name), which came \(index) of \(count) times", file: file, line: line)
      return false
    }
    return true
  }
}

/// A value that several threads change in turn.
public final class Box<Value: Sendable>: @unchecked Sendable {
  // Proof: the value is only touched inside `queue`.
  private let queue = DispatchQueue(label: "box")
  private var stored: Value  // guarded by queue

  /// A box around a value.
  public init(_ value: Value) { stored = value }

  /// The value now.
  public var value: Value { queue.sync { stored } }

  /// Changes the value.
  public func update(_ change: (inout Value) -> Void) { queue.sync { change(&stored) } }
}

extension Box where Value: RangeReplaceableCollection {
  /// Appends to the value.
  public func append(_ element: Value.Element) { update { $0.append(element) } }
}
