import MailroomQueue
import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

final class LocalDeadlinesTests: EnvironmentTestCase {
  private struct End: Sendable {
    let code: RPCError.Code
    let isLate: Bool
  }

  /// An ask that notes how it ended.
  private final class Probe: Expirable {
    let deadline: MonotonicTime
    private let isComplete = Box(false)
    private let ends: Results<End>
    private let freed: Signal?

    init(_ ends: Results<End>, in duration: Duration, freed: Signal? = nil) {
      deadline = .now.advanced(by: duration)
      self.ends = ends
      self.freed = freed
    }

    deinit { freed?.fire() }

    var isAbandoned: Bool { isComplete.value }

    func fail(_ error: RPCError) {
      if !isAbandoned { ends.add(End(code: error.code, isLate: MonotonicTime.now >= deadline)) }
    }

    func complete() { isComplete.update { $0 = true } }
  }

  private func makeDeadlines() throws -> LocalDeadlines { LocalDeadlines(loop: try makeGroup().next()) }

  func testAsksExpireAtTheirDeadlineAndNotBefore() async throws {
    let deadlines = try makeDeadlines()
    let ends = Results<End>("an expiry")
    let durations: [Duration] = [
      .milliseconds(80), .zero, .seconds(-1), .nanoseconds(1), .milliseconds(1), .milliseconds(200), .milliseconds(40),
      .milliseconds(49), .milliseconds(51), .microseconds(100),
    ]
    for duration in durations {
      let probe = Probe(ends, in: duration)
      deadlines.add(probe, deadline: probe.deadline)
    }
    for end in await ends.next(durations.count) {
      XCTAssertEqual(end.code, .timeout)
      XCTAssertTrue(end.isLate)
    }
  }

  func testShortDeadlineBehindLongOnesIsKept() async throws {
    let deadlines = try makeDeadlines()
    let long = Results<End>("the long one")
    let short = Results<End>("the short one")
    // The watch sleeps until the long one is due, or looks again after its pace; the short one must not wait for either.
    for _ in 0..<5 {
      let far = Probe(long, in: .seconds(600))
      deadlines.add(far, deadline: far.deadline)
      let near = Probe(short, in: .milliseconds(3))
      deadlines.add(near, deadline: near.deadline)
      let ends = await short.next()
      XCTAssertTrue(ends.allSatisfy { $0.isLate && $0.code == .timeout })
    }
    XCTAssertEqual(long.values.count, 0)
    deadlines.stop()
    let ends = await long.next(5)
    XCTAssertEqual(ends.map(\.code), [RPCError.Code](repeating: .stopped, count: 5))
  }

  func testManyAsksOfManyThreadsAllExpire() async throws {
    let deadlines = try makeDeadlines()
    let ends = Results<End>("an expiry")
    try await fromThreads(4) { thread in
      for index in 0..<250 {
        let probe = Probe(ends, in: .microseconds((index * 7919 + thread) % 90_000))
        deadlines.add(probe, deadline: probe.deadline)
      }
    }
    for end in await ends.next(1000) {
      XCTAssertEqual(end.code, .timeout)
      XCTAssertTrue(end.isLate)
    }
    XCTAssertEqual(ends.values.count, 1000)
  }

  func testCompletedAsksAreNotKept() async throws {
    let deadlines = try makeDeadlines()
    let ends = Results<End>("an expiry")
    let freed = Signal("the end of a completed ask")
    for _ in 0..<3 {
      for _ in 0..<100 {
        let probe = Probe(ends, in: .seconds(600), freed: freed)
        probe.complete()
        deadlines.add(probe, deadline: probe.deadline)
      }
      await freed.comes(100)
    }
    XCTAssertEqual(ends.values.count, 0)
  }

  func testAskThatCompletesWhileItIsWatchedIsLetGo() async throws {
    let deadlines = try makeDeadlines()
    let ends = Results<End>("an expiry")
    let freed = Signal("the end of the completed ask")
    func watch() -> Box<Probe?> {
      let probe = Probe(ends, in: .seconds(600), freed: freed)
      deadlines.add(probe, deadline: probe.deadline)
      return Box(probe)
    }
    let box = watch()
    // Another one with a short deadline has the watch look, find the first one incomplete, and keep it.
    let other = Probe(ends, in: .milliseconds(1))
    deadlines.add(other, deadline: other.deadline)
    _ = await ends.next()
    box.value?.complete()
    box.update { $0 = nil }
    let third = Probe(ends, in: .milliseconds(1))
    deadlines.add(third, deadline: third.deadline)
    _ = await ends.next()
    await freed.comes()
    XCTAssertEqual(ends.values.map(\.code), [.timeout, .timeout])
  }

  func testStopFailsWhatIsOutstandingAndWhatComesLater() async throws {
    let group = try makeGroup()
    let deadlines = LocalDeadlines(loop: group.next())
    let ends = Results<End>("the end of an ask")
    for _ in 0..<10 {
      let probe = Probe(ends, in: .seconds(600))
      deadlines.add(probe, deadline: probe.deadline)
    }
    let complete = Probe(ends, in: .seconds(600))
    complete.complete()
    deadlines.add(complete, deadline: complete.deadline)
    deadlines.stop()
    _ = await ends.next(10)
    for _ in 0..<3 {
      let late = Probe(ends, in: .seconds(600))
      deadlines.add(late, deadline: late.deadline)
    }
    _ = await ends.next(3)
    await group.shutdown()
    let last = Probe(ends, in: .zero)
    deadlines.add(last, deadline: last.deadline)
    let codes = await ends.next().map(\.code)
    XCTAssertEqual(codes, [RPCError.Code](repeating: .stopped, count: 14))
  }
}
