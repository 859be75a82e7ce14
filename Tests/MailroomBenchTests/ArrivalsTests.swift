import XCTest

@testable import mailroom_bench

final class ArrivalsTests: XCTestCase {
  private func arrivals(of numbers: [UInt64?]) -> Arrivals {
    var arrivals = Arrivals()
    for number in numbers { arrivals.add(number) }
    return arrivals
  }

  func testNumbersInTurnAreInOrder() {
    let arrivals = arrivals(of: [0, 1, 2, 3])
    XCTAssertEqual(arrivals.received, 4)
    XCTAssertEqual(arrivals.outOfOrder, 0)
  }

  func testGapsRepetitionsSwapsAndMessagesWithoutNumberAreCounted() {
    XCTAssertEqual(arrivals(of: [1]).outOfOrder, 1)
    XCTAssertEqual(arrivals(of: [0, 1, 3, 4]).outOfOrder, 1)
    XCTAssertEqual(arrivals(of: [0, 1, 1, 2]).outOfOrder, 1)
    XCTAssertEqual(arrivals(of: [0, 2, 1, 3]).outOfOrder, 3)
    let unnumbered = arrivals(of: [0, nil, 1])
    XCTAssertEqual(unnumbered.outOfOrder, 1)
    XCTAssertEqual(unnumbered.received, 3)
  }

  func testNumbersSurviveTheirMessages() {
    for number in [0, 1, 255, 256, 0x0123_4567_89AB_CDEF, .max] as [UInt64] {
      var message = [UInt8](repeating: 0x61, count: 9)
      NumberedMessage.write(number, to: &message)
      XCTAssertEqual(NumberedMessage.number(of: message.span.bytes), number)
      XCTAssertEqual(message[8], 0x61)
    }
    XCTAssertNil(NumberedMessage.number(of: ([1, 2, 3] as [UInt8]).span.bytes))
  }
}
