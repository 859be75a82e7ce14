import MailroomQueue
import XCTest

@testable import MailroomTransport

/// The numbers that bodies begin with, as bytes.
final class PrefixMarkTests: XCTestCase {
  private let prefix = BodyPrefix([0, 1, 2, 3, 4, 5])

  private func bytes(_ mark: PrefixMark) -> [UInt8] {
    var writer = ByteWriter()
    writer.append(prefix, mark)
    return writer.array()
  }

  func testMarksAreReadAsTheyAreWritten() {
    for number: UInt32 in [0, 1, 0xFF, 0x3FFF, 0x4000, 0xFFFF, 0x1_0000, 1 << 17, PrefixMark.greatest] {
      let mark = PrefixMark(number, inPlaceOf: 6)
      let bytes = bytes(mark)
      XCTAssertEqual(bytes.count, number < 0x4000 ? 2 : 4)
      XCTAssertEqual(mark.size(for: prefix, nil), bytes.count)
      XCTAssertEqual(mark.size(for: prefix, 7), bytes.count + 1)
      XCTAssertEqual(mark.rest(of: prefix), 0)
      XCTAssertEqual(mark.saved, 6 - bytes.count)
      XCTAssertEqual(mark.number, number)
      XCTAssertFalse(mark.isNone)
      let body = bytes + [9]
      XCTAssertEqual(body.rawSpan.prefixNumber, Int(number))
      XCTAssertEqual(body.rawSpan.shortPrefixNumber, number < 0x4000 ? Int(number) : nil)
      XCTAssertEqual(body.rawSpan.longPrefixNumber, number < 0x4000 ? nil : Int(number))
    }
  }

  func testMarkOfARootLeavesTheRest() {
    for number: UInt32 in [0, 1 << 17] {
      let mark = PrefixMark(number, inPlaceOf: 6)
      let branch = BodyPrefix(prefix, and: [7, 8, 9])
      var writer = ByteWriter()
      writer.append(branch, mark)
      XCTAssertEqual(writer.array(), bytes(mark) + [7, 8, 9])
      XCTAssertEqual(mark.rest(of: branch), 3)
      XCTAssertEqual(mark.size(for: branch, nil), bytes(mark).count + 3)
    }
  }

  func testWhereThereIsNoMarkThePrefixStands() {
    XCTAssertEqual(bytes(.none), prefix.bytes)
    XCTAssertEqual(PrefixMark.none.size(for: prefix, nil), 6)
    XCTAssertEqual(PrefixMark.none.saved, 0)
  }

  func testOtherBytesAreNoNumber() {
    let others: [[UInt8]] = [
      [], [0x80], [0, 0, 0, 0], [0x7F, 0xFF], [0xC0, 0], [0xC0, 0, 0x40], [0xC0, 0, 0, 0], [0xC0, 0, 0x3F, 0xFF],
    ]
    for body in others { XCTAssertNil(body.rawSpan.prefixNumber, "\(body)") }
  }

  func testFramesBeginWithMarksOfEitherLength() throws {
    for number: UInt32 in [3, 0x4001] {
      var writer = ByteWriter()
      let mark = PrefixMark(number, inPlaceOf: prefix.byteCount)
      writer.appendOneWay(mark, prefix, tag: 7, [8, 9].rawSpan)
      writer.appendRequest(id: 1, nanosecondsLeft: nil, mark, prefix, tag: 7, [8, 9].rawSpan)
      writer.appendRequest(id: 1, nanosecondsLeft: 5, mark, prefix, tag: 7, [8, 9].rawSpan)
      var decoder = FrameDecoder(limit: 1000)
      var bodies: [[UInt8]] = []
      try decoder.decode(writer.bytes) { (payload) throws(FrameError) in
        switch try WireMessage(payload: payload) {
        case .oneWay(let body): bodies.append(body.array())
        case .rpcRequest(_, let body): bodies.append(body.array())
        case .rpcRequestWithDeadline(_, _, let body): bodies.append(body.array())
        default: break
        }
        return true
      }
      let expected: [UInt8] = (number == 3 ? [0x80, 3] : [0xC0, 0, 0x40, 1]) + [7, 8, 9]
      XCTAssertEqual(bodies, [expected, expected, expected])
    }
  }
}
