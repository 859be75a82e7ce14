internal import XCTest

/// Times for what must be done before a time is over, which a busy machine may not manage in any given one.
///
/// Each is tried until one was enough. What a test asserts of an attempt must hold however slow the machine is.
public struct GrowingTimes: Sendable {
  private let times: [Duration]

  /// A first time, and longer ones up to ten seconds.
  public init(from first: Duration = .milliseconds(20)) {
    times = [first, min(first * 10, .seconds(10)), min(first * 100, .seconds(10)), .seconds(10), .seconds(10)]
  }

  /// Makes attempts until one says that its time was enough; fails the test, naming for what, when none was.
  public func tryEach(
    _ what: String, file: StaticString = #filePath, line: UInt = #line, _ attempt: (Duration) throws -> Bool
  ) rethrows {
    for time in times where try attempt(time) { return }
    fail(what, file, line)
  }

  /// As ``tryEach(_:file:line:_:)``, for attempts that wait.
  public func tryEach(
    _ what: String, file: StaticString = #filePath, line: UInt = #line,
    _ attempt: (Duration) async throws -> Bool
  ) async rethrows {
    for time in times {
      if try await attempt(time) { return }
    }
    fail(what, file, line)
  }

  private func fail(_ what: String, _ file: StaticString, _ line: UInt) {
    XCTFail("not even \(times[times.count - 1]) were enough for \(what)", file: file, line: line)
  }
}
