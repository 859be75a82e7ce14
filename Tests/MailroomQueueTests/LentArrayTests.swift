import XCTest

@testable import MailroomQueue

/// Elements that stand where they are borrowed.
final class LentArrayTests: XCTestCase {
  private final class Counter {
    var living = 0
  }

  private struct Element: ~Copyable {
    var value: Int
    let counter: Counter

    init(_ value: Int, _ counter: Counter) {
      self.value = value
      self.counter = counter
      counter.living += 1
    }

    deinit { counter.living -= 1 }
  }

  func testElementsStayInOrderAndCanBeChanged() {
    let counter = Counter()
    var array = LentArray<Element>()
    for value in 0..<100 {
      XCTAssertEqual(array.count, value)
      array.append(Element(value, counter))
    }
    for index in 0..<100 { array[index].value += index }
    for index in 0..<100 { XCTAssertEqual(array[index].value, 2 * index) }
    array[7] = Element(1, counter)
    XCTAssertEqual(array[7].value, 1)
    XCTAssertEqual(counter.living, 100)
  }

  func testElementsEndWithTheArray() {
    let counter = Counter()
    for count in [0, 1, 16, 17] {
      var array = LentArray<Element>()
      for value in 0..<count { array.append(Element(value, counter)) }
      XCTAssertEqual(counter.living, count)
      _ = consume array
      XCTAssertEqual(counter.living, 0)
    }
  }
}
