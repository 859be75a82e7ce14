import XCTest

@testable import MailroomTransport

final class HeldFramesTests: XCTestCase {
  private struct Refusal: Error, Equatable {}

  /// Serves up to `limit` payloads.
  private func serve(_ frames: inout HeldFrames, limit: Int = .max) -> [[UInt8]] {
    var served: [[UInt8]] = []
    frames.serve(while: { served.count < limit }) { served.append($0.array()) }
    return served
  }

  func testPayloadsAreServedInOrderAndOnce() {
    var frames = HeldFrames()
    XCTAssertTrue(frames.isEmpty)
    XCTAssertEqual(serve(&frames), [])
    let payloads: [[UInt8]] = [[1], [], [2, 3], Array(repeating: 4, count: 100_000), [5]]
    for payload in payloads { frames.append(payload.rawSpan) }
    XCTAssertFalse(frames.isEmpty)
    XCTAssertTrue(serve(&frames) == payloads)
    XCTAssertTrue(frames.isEmpty)
    XCTAssertEqual(serve(&frames), [])
  }

  func testServingStopsAndGoesOn() {
    var frames = HeldFrames()
    for number in UInt8(0)..<5 { frames.append([number, number].rawSpan) }
    XCTAssertEqual(serve(&frames, limit: 0), [])
    XCTAssertEqual(serve(&frames, limit: 2), [[0, 0], [1, 1]])
    XCTAssertFalse(frames.isEmpty)
    frames.append([9].rawSpan)
    XCTAssertEqual(serve(&frames, limit: 3), [[2, 2], [3, 3], [4, 4]])
    XCTAssertEqual(serve(&frames), [[9]])
    XCTAssertTrue(frames.isEmpty)
    frames.append([7].rawSpan)
    XCTAssertEqual(serve(&frames), [[7]])
  }

  func testMemoryIsThatOfWhatIsLeft() {
    var frames = HeldFrames()
    var served = 0
    let none: [UInt8] = []
    for number in 0..<100_000 {
      let body = Int32(number).wireBytes
      frames.append(body.rawSpan)
      frames.append(none.rawSpan)
      // One behind, so that it never becomes empty.
      let batch = serve(&frames, limit: number == 0 ? 1 : 2)
      for payload in batch where !payload.isEmpty {
        XCTAssertEqual(payload, Int32(served).wireBytes)
        served += 1
      }
      XCTAssertLessThanOrEqual(frames.byteCount, 20)
      XCTAssertLessThan(frames.capacity, 1000)
    }
    XCTAssertEqual(served, 100_000)
  }

  func testErrorsLeaveTheRest() {
    var frames = HeldFrames()
    for number in UInt8(0)..<3 { frames.append([number].rawSpan) }
    do throws(Refusal) {
      try frames.serve(while: { true }) { (_) throws(Refusal) in throw Refusal() }
      XCTFail("no error")
    } catch {
      XCTAssertEqual(serve(&frames), [[1], [2]])
    }
  }
}
