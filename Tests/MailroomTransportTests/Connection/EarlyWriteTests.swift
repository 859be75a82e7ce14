import MailroomQueue
import TestSupport
import XCTest

@testable import MailroomTransport

final class EarlyWriteTests: TransportTestCase {
  private let always = EarlyWriteTrial(isOn: true)

  /// After how many of `count` requests, of a window of `pending`, what has collected is written.
  private func writes(_ early: inout EarlyWrite, _ count: Int, pending: Int) -> [Int] {
    (1...count).filter { _ in
      let isDue = early.didMake(pending: pending)
      if isDue { early.didWrite() }
      return isDue
    }
  }

  func testWindowLeavesInQuarters() {
    var early = EarlyWrite(always)
    XCTAssertEqual(writes(&early, 128, pending: 128), [32, 64, 96, 128])
    XCTAssertEqual(writes(&early, 1000, pending: 1000), [250, 500, 750, 1000])
  }

  func testFewRequestsAreNotWorthAWrite() {
    var early = EarlyWrite(always)
    XCTAssertEqual(writes(&early, 23, pending: 23), [])
    early.didWrite()
    XCTAssertEqual(writes(&early, 64, pending: 64), [24, 48])
  }

  func testWhatWasWrittenAtTheEndOfATickCountsNoMore() {
    var early = EarlyWrite(always)
    XCTAssertEqual(writes(&early, 31, pending: 128), [])
    early.didWrite()
    XCTAssertEqual(writes(&early, 32, pending: 128), [32])
  }

  func testAllLeaveTogetherBeforeTheFirstTrial() {
    var early = EarlyWrite()
    XCTAssertEqual(writes(&early, 1000, pending: 128), [])
  }

  func testSmallAndVeryLargeWindowsAndCompanyEndItWhenTheyLast() {
    for (pending, isAlone) in [(95, true), (4097, true), (128, false)] {
      var early = EarlyWrite(always)
      for _ in 0..<3 {
        for _ in 0..<16 { early.didEndTick(at: .now, pending: pending, isAlone: isAlone) }
        XCTAssertEqual(writes(&early, 96, pending: 96), [24, 48, 72, 96])
        early.didEndTick(at: .now, pending: 96, isAlone: true)
        early.didEndTick(at: .now, pending: 4096, isAlone: true)
      }
      for _ in 0..<17 { early.didEndTick(at: .now, pending: pending, isAlone: isAlone) }
      XCTAssertEqual(writes(&early, 1000, pending: 128), [])
    }
  }

  func testTrialLearnsOfEveryRequestOnce() {
    // Faster in parts: the trial says so after as many requests as it takes.
    var early = EarlyWrite()
    var made = 0
    var time = MonotonicTime(nanoseconds: 1)
    while true {
      let parts = writes(&early, 128, pending: 128).count
      made += 128
      time = time.advanced(byNanoseconds: parts > 0 ? 50 : 100)
      early.didWrite()
      early.didEndTick(at: time, pending: 128, isAlone: true)
      let trial = EarlyWriteTrial.firstRest + EarlyWriteTrial.rounds * EarlyWriteTrial.requests(ofRound: 128)
      if made < trial + 128 { continue }
      XCTAssertEqual(writes(&early, 32, pending: 128), [32])
      return
    }
  }

  func testConnectionWritesAQuarterBeforeTheTickEnds() throws {
    let (client, peer) = try makeRawPair()
    for (isOn, waiting) in [(false, 128), (true, 0)] {
      let left = try onLoop(client.loop) { [always] in
        let connection = try XCTUnwrap(client.connection)
        connection.earlyWrite.value = EarlyWrite(isOn ? always : EarlyWriteTrial())
        for number: UInt8 in 0..<128 {
          try client.sendRPC(.receiver(Reply()), deadline: .distantFuture) { $0.append(number) }
        }
        return connection.out.value.pendingBytes
      }
      let requests = try (0..<128).map { _ in try peer.receiveRequest() }
      XCTAssertEqual(requests.flatMap(\.body), Array(0..<128))
      let length = try XCTUnwrap(requests.first).body.count + FrameFormat.rpcOverhead
      XCTAssertEqual(left, waiting * length)
      for request in requests { try peer.send(.answer(id: request.id, [])) }
      waitUntil("all answers") { (try? self.onLoop(client.loop) { client.connection?.pendingCount == 0 }) ?? false }
    }
  }
}
