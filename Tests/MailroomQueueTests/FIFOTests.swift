import MailroomQueue
import XCTest

final class FIFOTests: XCTestCase {
  func testElementsComeOutInTheOrderTheyWentIn() {
    var fifo = FIFO<Int>()
    XCTAssertTrue(fifo.isEmpty)
    XCTAssertNil(fifo.popFirst())
    for number in 0..<3 { fifo.append(number) }
    XCTAssertEqual(fifo.count, 3)
    XCTAssertEqual(fifo.popFirst(), 0)
    fifo.append(3)
    XCTAssertEqual([fifo.popFirst(), fifo.popFirst(), fifo.popFirst(), fifo.popFirst()], [1, 2, 3, nil])
    XCTAssertTrue(fifo.isEmpty)
  }

  func testItAgreesWithAnArrayWhereItsFrontIsGivenBack() {
    // Lengths around those at which the used-up front is cut off.
    for length in [1, 2, 254, 255, 256, 257, 511, 512, 513, 2000] {
      var fifo = FIFO<Int>()
      var array: [Int] = []
      var next = 0
      for step in 0..<(4 * length) {
        // More goes in than comes out at first, later the other way round.
        if step < 2 * length ? step % 3 != 0 : step % 3 == 0 {
          fifo.append(next)
          array.append(next)
          next += 1
        } else {
          XCTAssertEqual(fifo.popFirst(), array.isEmpty ? nil : array.removeFirst())
        }
        XCTAssertEqual(fifo.count, array.count)
        XCTAssertEqual(fifo.isEmpty, array.isEmpty)
      }
      while let element = fifo.popFirst() { XCTAssertEqual(element, array.removeFirst()) }
      XCTAssertTrue(array.isEmpty)
    }
  }

  func testElementsAreReleasedAsTheyComeOut() {
    final class Element {}
    var fifo = FIFO<Element>()
    weak var first: Element?
    do {
      let element = Element()
      first = element
      fifo.append(element)
      fifo.append(Element())
    }
    XCTAssertNotNil(first)
    _ = fifo.popFirst()
    XCTAssertNil(first, "what came out is not kept")
    XCTAssertEqual(fifo.count, 1)
  }
}
