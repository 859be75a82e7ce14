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
  private final class Probe: WatchedAsk {
    let deadline: MonotonicTime
    /// As the limit of an ask says it.
    let isShort: Bool
    /// Where it was put, if that was a place of the table.
    let place = Box<Int?>(nil)
    private let isComplete = Box(false)
    private let ends: Results<End>
    private let freed: Signal?

    init(_ ends: Results<End>, in duration: Duration, freed: Signal? = nil) {
      deadline = .now.advanced(by: duration)
      isShort = duration < .nanoseconds(LocalDeadlines.pace)
      self.ends = ends
      self.freed = freed
    }

    deinit { freed?.fire() }

    var isAbandoned: Bool { isComplete.value }

    func fail(_ error: RPCError) {
      if !isAbandoned { ends.add(End(code: error.code, isLate: MonotonicTime.now >= deadline)) }
    }

    func refuse(_ error: RPCError) { fail(error) }

    func complete() { isComplete.update { $0 = true } }

    func wasPut(at place: Int) { self.place.update { $0 = place } }

    func leave(_ deadlines: LocalDeadlines) {
      complete()
      if let place = place.value { deadlines.forget(self, at: place) }
    }
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
      deadlines.watch(probe, isShort: probe.isShort)
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
      deadlines.watch(far, isShort: far.isShort)
      let near = Probe(short, in: .milliseconds(3))
      deadlines.watch(near, isShort: near.isShort)
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
        deadlines.watch(probe, isShort: probe.isShort)
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
        deadlines.watch(probe, isShort: probe.isShort)
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
      deadlines.watch(probe, isShort: probe.isShort)
      return Box(probe)
    }
    let box = watch()
    // Another one with a short deadline has the watch look, find the first one incomplete, and keep it.
    let other = Probe(ends, in: .milliseconds(1))
    deadlines.watch(other, isShort: other.isShort)
    _ = await ends.next()
    box.value?.complete()
    box.update { $0 = nil }
    let third = Probe(ends, in: .milliseconds(1))
    deadlines.watch(third, isShort: third.isShort)
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
      deadlines.watch(probe, isShort: probe.isShort)
    }
    let complete = Probe(ends, in: .seconds(600))
    complete.complete()
    deadlines.watch(complete, isShort: complete.isShort)
    deadlines.stop()
    _ = await ends.next(10)
    for _ in 0..<3 {
      let late = Probe(ends, in: .seconds(600))
      deadlines.watch(late, isShort: late.isShort)
    }
    _ = await ends.next(3)
    await group.shutdown()
    let last = Probe(ends, in: .zero)
    deadlines.watch(last, isShort: last.isShort)
    let codes = await ends.next().map(\.code)
    XCTAssertEqual(codes, [RPCError.Code](repeating: .stopped, count: 14))
  }

  func testAsksOfTheQueueExpireToo() async throws {
    let deadlines = try makeDeadlines()
    let ends = Results<End>("an expiry")
    for duration in [Duration.milliseconds(60), .milliseconds(1), .zero] {
      let probe = Probe(ends, in: duration)
      deadlines.add(probe, deadline: probe.deadline)
    }
    for end in await ends.next(3) {
      XCTAssertEqual(end.code, .timeout)
      XCTAssertTrue(end.isLate)
    }
    let far = Probe(ends, in: .seconds(600))
    deadlines.add(far, deadline: far.deadline)
    deadlines.stop()
    let codes = await ends.next().map(\.code)
    XCTAssertEqual(codes.last, .stopped)
  }

  func testMoreAsksThanPlacesAllExpire() async throws {
    let deadlines = try makeDeadlines()
    let ends = Results<End>("an expiry")
    let count = 3 * PlaceTable.count
    let probes = (0..<count).map { _ in Probe(ends, in: .milliseconds(100)) }
    for probe in probes { deadlines.watch(probe, isShort: false) }
    XCTAssertTrue(probes.contains { $0.place.value == nil }, "no ask had to go without a place")
    for end in await ends.next(count) {
      XCTAssertEqual(end.code, .timeout)
      XCTAssertTrue(end.isLate)
    }
  }

  func testAskThatTakesItselfOutIsLetGoWithoutALook() throws {
    let group = try makeGroup()
    let deadlines = LocalDeadlines(loop: group.next())
    let ends = Results<End>("an expiry")
    let freed = Signal("the end of the ask")
    // No look comes: the loop is busy.
    let busy = Signal("the loop to be let go")
    XCTAssertTrue(group.next().execute { busy.wait() })
    do {
      let probe = Probe(ends, in: .seconds(600), freed: freed)
      deadlines.watch(probe, isShort: false)
      probe.leave(deadlines)
    }
    freed.wait()
    busy.fire()
    XCTAssertEqual(ends.values.count, 0)
  }

  func testAsksThatComeAndGoWhileItFallsAsleepAllExpireOrAreLetGo() async throws {
    let deadlines = try makeDeadlines()
    let ends = Results<End>("an expiry")
    let freed = Signal("the end of a completed ask")
    // One at a time, so that looks find nothing, and asks find it asleep, awake and in between.
    for round in 0..<60 {
      let probe = Probe(ends, in: .milliseconds(round % 3), freed: freed)
      deadlines.watch(probe, isShort: true)
      let end = await ends.next()
      XCTAssertEqual(end.first?.code, .timeout)
    }
    await freed.comes(60)
  }
}
