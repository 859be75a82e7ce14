import MailroomQueue
import TestSupport
import XCTest

@testable import MailroomTransport

final class PendingRepliesTests: XCTestCase {
  func testSinksAreFoundWhileTheyArePending() throws {
    var pending = PendingReplies(limit: 10)
    let reply = Reply()
    let ids = try (0..<3).map { _ in
      try XCTUnwrap(pending.insert(.receiver(reply), deadline: .distantFuture))
    }
    XCTAssertNotNil(pending.take(ids[1]))
    XCTAssertEqual(ids.map { pending.contains($0) }, [true, false, true])
    guard case .receiver(let found)? = pending.sink(of: ids[2]) else { return XCTFail("no sink") }
    XCTAssertTrue(found === reply)
    for id in [ids[1], -1, .max, .min, 0, 9] {
      XCTAssertFalse(pending.contains(id))
      XCTAssertNil(pending.sink(of: id))
    }
    let next = try XCTUnwrap(pending.insert(.receiver(reply), deadline: .distantFuture))
    XCTAssertTrue(pending.contains(next))
    XCTAssertFalse(pending.contains(ids[1]), "its slot has another request")
  }

  private let never = MonotonicTime.distantFuture

  private func time(_ nanoseconds: UInt64) -> MonotonicTime { MonotonicTime(nanoseconds: nanoseconds) }

  /// The receiver behind a sink.
  private func receiver(_ sink: ReplySink?) -> Reply? {
    if case .receiver(let receiver) = sink { receiver as? Reply } else { nil }
  }

  private func insert(
    _ reply: Reply, into table: inout PendingReplies, at deadline: MonotonicTime? = nil
  ) throws -> Int64 {
    try XCTUnwrap(table.insert(.receiver(reply), deadline: deadline ?? never))
  }

  func testRH4UnknownIDsAreIgnoredAndTheRightOneIsTakenOnce() throws {
    var table = PendingReplies(limit: 10)
    let reply = Reply()
    let id = try insert(reply, into: &table)
    for other in [0, -1, 1, id + 1, id - 1, -id, id ^ (1 << 24), id ^ (1 << 62), .max, .min] {
      XCTAssertNil(table.take(other), "\(other) is not \(id)")
    }
    XCTAssertEqual(table.count, 1)
    XCTAssertTrue(receiver(table.take(id)) === reply)
    XCTAssertEqual(table.count, 0)
    for _ in 0..<3 { XCTAssertNil(table.take(id)) }
    XCTAssertEqual(table.count, 0)
  }

  func testIDsAreNeverNegativeAndDiffer() throws {
    var table = PendingReplies(limit: 1000)
    var ids: Set<Int64> = []
    for round in 0..<10 {
      let replies = (0..<100).map { _ in Reply() }
      var taken: [Int64] = []
      for reply in replies { taken.append(try insert(reply, into: &table)) }
      for (id, reply) in zip(taken, replies) {
        XCTAssertGreaterThanOrEqual(id, 0)
        XCTAssertTrue(ids.insert(id).inserted, "in round \(round)")
        XCTAssertTrue(receiver(table.take(id)) === reply)
      }
    }
    XCTAssertEqual(ids.count, 1000)
  }

  func testLateAnswerMeetsAnotherGenerationOfItsSlot() throws {
    var table = PendingReplies(limit: 1)
    var old: [Int64] = []
    for _ in 0..<1000 {
      let reply = Reply()
      let id = try insert(reply, into: &table)
      for late in old.suffix(3) { XCTAssertNil(table.take(late)) }
      XCTAssertEqual(table.count, 1)
      XCTAssertTrue(receiver(table.take(id)) === reply)
      old.append(id)
    }
    XCTAssertEqual(Set(old).count, 1000)
  }

  func testIDOfTheNextGenerationOfAFreeSlotIsUnknown() throws {
    var table = PendingReplies(limit: 4)
    let id = try insert(Reply(), into: &table)
    XCTAssertNotNil(table.take(id))
    XCTAssertNil(table.take(id + (1 << 24)), "a peer that guesses the next id finds nothing")
    XCTAssertEqual(table.count, 0)
    XCTAssertEqual(try insert(Reply(), into: &table), id + (1 << 24))
  }

  func testRefusesAboveTheLimitAndTakesAgainOnceOneLeft() throws {
    for limit in [1, 2, 17] {
      var table = PendingReplies(limit: limit)
      var ids: [Int64] = []
      for _ in 0..<limit { ids.append(try insert(Reply(), into: &table)) }
      XCTAssertNil(table.insert(.receiver(Reply()), deadline: never))
      XCTAssertEqual(table.count, limit)
      XCTAssertNotNil(table.take(ids[0]))
      XCTAssertNotNil(table.insert(.receiver(Reply()), deadline: never))
      XCTAssertNil(table.insert(.receiver(Reply()), deadline: never))
    }
    for limit in [0, -1] {
      var table = PendingReplies(limit: limit)
      XCTAssertNil(table.insert(.receiver(Reply()), deadline: never))
    }
  }

  func testTakesExpiredOnesOnly() throws {
    var table = PendingReplies(limit: 10)
    let replies = (0..<5).map { _ in Reply() }
    var ids: [Int64] = []
    for (index, reply) in replies.enumerated() {
      ids.append(try insert(reply, into: &table, at: time([30, 10, 20, 40, .max][index])))
    }
    XCTAssertEqual(table.earliestDeadline, time(10))
    XCTAssertTrue(table.takeExpired(now: time(9)).isEmpty)
    XCTAssertEqual(table.earliestDeadline, time(10))

    let expired = table.takeExpired(now: time(20)).compactMap { receiver($0.sink) }
    XCTAssertEqual(Set(expired.map(ObjectIdentifier.init)), Set([replies[1], replies[2]].map(ObjectIdentifier.init)))
    XCTAssertEqual(table.count, 3)
    XCTAssertEqual(table.earliestDeadline, time(30))
    XCTAssertNil(table.take(ids[1]), "an answer that comes late is unknown")
    XCTAssertTrue(receiver(table.take(ids[0])) === replies[0])

    XCTAssertEqual(table.takeExpired(now: time(40)).count, 1)
    XCTAssertEqual(table.earliestDeadline, .distantFuture)
    XCTAssertEqual(table.count, 1)
    XCTAssertTrue(receiver(table.take(ids[4])) === replies[4])
  }

  func testEarliestDeadlineIsNotLaterThanAnyPendingOne() throws {
    var random = SeededRandom(seed: 5)
    var table = PendingReplies(limit: 64)
    var model: [Int64: UInt64] = [:]
    var now: UInt64 = 0
    for _ in 0..<20_000 {
      switch Int.random(in: 0...9, using: &random) {
      case 0...5:
        let deadline = now + UInt64.random(in: 1...1000, using: &random)
        let id = table.insert(.receiver(Reply()), deadline: time(deadline))
        XCTAssertEqual(id == nil, model.count == 64)
        if let id { XCTAssertNil(model.updateValue(deadline, forKey: id)) }
      case 6, 7:
        guard let id = model.keys.min() else { continue }
        XCTAssertNotNil(table.take(id))
        model[id] = nil
      default:
        now += UInt64.random(in: 0...300, using: &random)
        let due = model.filter { $0.value <= now }
        XCTAssertEqual(table.takeExpired(now: time(now)).count, due.count)
        model = model.filter { $0.value > now }
        XCTAssertEqual(table.earliestDeadline, model.values.min().map { time($0) } ?? .distantFuture)
      }
      XCTAssertEqual(table.count, model.count)
      if let first = model.values.min() { XCTAssertLessThanOrEqual(table.earliestDeadline, time(first)) }
    }
  }

  func testTakesAllOnce() throws {
    var table = PendingReplies(limit: 10)
    let replies = (0..<5).map { _ in Reply() }
    var ids: [Int64] = []
    for reply in replies { ids.append(try insert(reply, into: &table, at: time(5))) }
    _ = table.take(ids[2])
    let all = table.takeAll().compactMap { receiver($0) }
    XCTAssertEqual(all.count, 4)
    XCTAssertFalse(all.contains { $0 === replies[2] })
    XCTAssertEqual(table.count, 0)
    XCTAssertEqual(table.earliestDeadline, .distantFuture)
    XCTAssertTrue(table.takeAll().isEmpty)
    for id in ids { XCTAssertNil(table.take(id)) }
    XCTAssertTrue(table.takeExpired(now: never).isEmpty)
  }

  func testForgetsSinksThatLeft() throws {
    var table = PendingReplies(limit: 10)
    weak var released: Reply?
    var id: Int64 = 0
    do {
      let reply = Reply()
      released = reply
      id = try insert(reply, into: &table)
    }
    XCTAssertNotNil(released)
    _ = table.take(id)
    XCTAssertNil(released)
  }
}
