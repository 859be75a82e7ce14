import XCTest

@testable import Mailroom

final class BinaryDepthTests: XCTestCase {
  func testCoderWorksWhenNestingIsAtItsLimit() throws {
    // A link is a map with an array in it.
    let bytes = try encode(Link.chain(count: 32))
    XCTAssertEqual(try encode(decode(Link.self, bytes)), bytes)
    let arrays = [UInt8](repeating: 0xA1, count: 63) + [0xA0]
    XCTAssertNoThrow(try decode(Anything.self, arrays))
  }

  /// A type that decodes from everything.
  private struct Anything: Decodable {
    init(from decoder: any Decoder) {}
  }

  func testEncoderFailsWhenNestingIsTooDeep() throws {
    assertUnencodable(Link.chain(count: 33), "Link", "nested", "at 'next[0].next[0]")
    assertUnencodable(Link.chain(count: 500), "nested")
  }

  func testEncoderFailsWhenNestedContainersAreTooDeep() throws {
    func nest(_ depth: Int) -> Custom {
      Custom { encoder in
        var array = encoder.unkeyedContainer()
        for _ in 1..<depth {
          var inner = array.nestedUnkeyedContainer()
          swap(&array, &inner)
        }
      }
    }
    XCTAssertEqual(try encode(nest(64)).count, 64)
    assertUnencodable(nest(65), "nested")
    assertUnencodable(nest(100_000), "nested")
  }

  func testEncoderFailsWhenArraysOfScalarsAreTooDeep() throws {
    func nest(_ depth: Int) -> Custom {
      Custom { encoder in
        var array = encoder.unkeyedContainer()
        if depth == 1 { try array.encode([1]) } else { try array.encode(nest(depth - 1)) }
      }
    }
    XCTAssertEqual(try encode(nest(63)).count, 65)
    assertUnencodable(nest(64), "nested")
  }

  func testCoderFailsWhenValuesAreInEachOthersPlaceForever() throws {
    struct Forever: Codable {
      init() {}
      init(from decoder: any Decoder) throws { self = try decoder.singleValueContainer().decode(Forever.self) }
      func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(Forever())
      }
    }
    assertUnencodable(Forever(), "values within values")
    assertUndecodable([Forever].self, [0xA1, 0x01], "at '[0]'", "values within values")
  }

  func testDecoderFailsWhenNestingIsTooDeep() throws {
    assertUndecodable(Anything.self, [UInt8](repeating: 0xA1, count: 64) + [0xA0], "nested")
    assertUndecodable(Link.self, [UInt8](repeating: 0xA1, count: 1_000_000) + [0xA0], "nested")
    let map: [UInt8] = [0xB1, 0x00]
    assertUndecodable(Anything.self, (0..<500_000).flatMap { _ in map } + [0xB0], "nested")
  }
}
