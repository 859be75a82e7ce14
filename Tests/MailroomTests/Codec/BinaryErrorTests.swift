import XCTest

@testable import Mailroom

final class BinaryErrorTests: XCTestCase {
  func testErrorNamesPathWhenValueIsOfOtherKind() throws {
    struct Outer: Codable { var list: [[String: Point]] }
    struct Wrong: Codable { var list: [[String: [String: String]]] }
    let bytes = try encode(Wrong(list: [[:], ["k": ["x": "text", "y": ""]]]))
    assertUndecodable(Outer.self, bytes, "Outer", "at 'list[1].k.x'", "expected Int, found a string")
    assertUndecodable([Int].self, try encode(["a"]), "at '[0]'")
    assertUndecodable([Int].self, try encode([Int?.none]), "at '[0]'", "found nil")
    assertUndecodable([String].self, try encode(true), "top level", "found a Boolean")
    assertUndecodable(Point.self, try encode([1]), "found an array")
    assertUndecodable([Point].self, try encode([2.5]), "at '[0]'", "found a floating-point number")
    assertUndecodable(Bool.self, try encode(["a": 1]), "found a map")
    assertUndecodable([Int].self, try encode(Int??.some(.none)), "found nil")
  }

  func testErrorNamesKeyWhenItIsMissing() throws {
    assertUndecodable([Point].self, try encode([["x": 1]]), "at '[0].y'", "no such key")
  }

  func testErrorNamesPathWhenRawValueIsUnknown() throws {
    assertUndecodable([String: [Color]].self, try encode(["c": ["red", "blue"]]), "at 'c[1]'", "blue")
  }

  func testErrorNamesPathWhenTypeThrowsItsOwnError() throws {
    struct Picky: Decodable {
      init(from decoder: any Decoder) throws { throw Failure() }
    }
    let failing = ["k": [Custom { _ in }, Custom { _ in throw Failure() }]]
    assertUnencodable(failing, "at 'k[1]'", "Failure")
    assertUndecodable([String: [Picky]].self, try encode(["k": [1]]), "at 'k[0]'", "Failure")
    XCTAssertThrowsError(try encode(failing)) { XCTAssertEqual(($0 as? RPCError)?.cause as? Failure, Failure()) }
  }

  func testErrorNamesItsOwnPathWhenProgramRecoveredFromAnother() throws {
    let value = Custom { encoder in
      var map = encoder.container(keyedBy: Key.self)
      try? map.encode(Custom { _ in throw Failure() }, forKey: .a)
      try map.encode([Point(x: 1, y: 1)], forKey: .b)
      try map.encode(Custom { _ in throw Failure() }, forKey: .c)
    }
    assertUnencodable(value, "at 'c'")
  }

  func testErrorNamesThePropertyWhenItIsAScalarOfAnotherKind() throws {
    struct Small: Codable { var a: Int8 }
    struct Text: Codable { var a: String }
    struct Truth: Codable { var a: Bool }
    struct Number: Codable { var a: Double }
    struct Single: Codable { var a: Float }
    assertUndecodable(Small.self, try encode(["a": 128]), "'a'", "128 does not fit in Int8")
    assertUndecodable(Small.self, try encode(["a": "1"]), "'a'", "expected Int8, found a string")
    assertUndecodable(Text.self, try encode(["a": 1]), "'a'", "expected String, found an integer")
    assertUndecodable(Truth.self, try encode(["a": 1]), "'a'", "expected Bool, found an integer")
    assertUndecodable(Number.self, try encode(["a": true]), "'a'", "expected Double, found a Boolean")
    assertUndecodable(Single.self, try encode(["a": 0.1]), "'a'", "0.1 does not fit in Float")
    assertUndecodable(Text.self, try encode(["a": Int?.none]), "'a'", "expected String, found nil")
    assertUndecodable(Text.self, try encode(["b": "1"]), "'a'", "there is no such key")
  }
}
