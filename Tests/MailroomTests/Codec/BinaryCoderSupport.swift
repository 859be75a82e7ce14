import XCTest

@testable import Mailroom

// MARK: - Messages

enum Color: String, Codable, Sendable { case red, green }

enum Shape: Codable, Equatable, Sendable {
  case empty
  case circle(radius: Double)
  case polygon([Point], name: String?)
  indirect case group(Shape, Shape)
}

struct Point: Codable, Hashable, Sendable {
  var x: Int
  var y: Int
}

struct Nothing: Codable, Equatable, Sendable {}

struct Order: Codable, Equatable, Sendable {
  struct Item: Codable, Equatable, Sendable {
    var name: String
    var price: Double
    var tags: Set<String>
  }
  var id: UInt64
  var color: Color
  var note: String?
  var items: [Item]
  var stock: [String: Int]
  var byNumber: [Int: String]
  var byPoint: [Point: Bool]
  var shapes: [Shape]
  var payload: [UInt8]
  var nested: Int??
  var ratio: Float
  var nothing: Nothing

  static let sample = Self(
    id: .max, color: .green, note: nil,
    items: [
      .init(name: "pen", price: 1.25, tags: ["blue", "fine"]), .init(name: "häuschen 🏠", price: -0.0, tags: []),
    ],
    stock: ["pen": 3, "": -1], byNumber: [1: "one", -70000: "many"], byPoint: [Point(x: 1, y: -1): true],
    shapes: [.empty, .circle(radius: 2.5), .polygon([Point(x: 0, y: 300)], name: nil), .group(.empty, .empty)],
    payload: [0, 127, 128, 255], nested: .some(.none), ratio: 0.1, nothing: Nothing())
}

class Animal: Codable {
  var name: String
  init(name: String) { self.name = name }
}

final class Dog: Animal {
  var tricks: [String]

  init(name: String, tricks: [String]) {
    self.tricks = tricks
    super.init(name: name)
  }

  private enum CodingKeys: CodingKey { case tricks }

  required init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    tricks = try container.decode([String].self, forKey: .tricks)
    try super.init(from: container.superDecoder())
  }

  override func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(tricks, forKey: .tricks)
    try super.encode(to: container.superEncoder())
  }
}

/// A list with one array and one map per link.
final class Link: Codable {
  var next: [Link]
  init(next: [Link]) { self.next = next }

  static func chain(count: Int) -> Link { (1..<count).reduce(Link(next: [])) { link, _ in Link(next: [link]) } }
}

/// A type that is coded by functions.
struct Custom: Encodable {
  var body: (any Encoder) throws -> Void
  func encode(to encoder: any Encoder) throws { try body(encoder) }
}

enum Key: String, CodingKey { case a, b, c }

struct Failure: Error, Equatable {}

// MARK: - Helpers

func encode(_ value: some Encodable, _ userInfo: [CodingUserInfoKey: any Sendable] = [:]) throws -> [UInt8] {
  var writer = RPCWriter()
  try BinaryEncoder(userInfo: userInfo).encode(value, to: &writer)
  return writer.array()
}

func decode<T: Decodable>(_ type: T.Type, _ bytes: [UInt8]) throws -> T {
  try BinaryDecoder().decode(type, from: bytes)
}

func assertRoundTrip<T: Codable & Equatable>(
  _ value: T, file: StaticString = #filePath, line: UInt = #line
) throws {
  XCTAssertEqual(try decode(T.self, encode(value)), value, file: file, line: line)
}

func assertEncoding(
  _ value: some Encodable, is bytes: [UInt8], file: StaticString = #filePath, line: UInt = #line
) throws {
  XCTAssertEqual(try encode(value), bytes, file: file, line: line)
}

/// Checks that decoding fails as it should, with all the texts in the error message.
func assertUndecodable<T: Decodable>(
  _ type: T.Type, _ bytes: [UInt8], _ texts: String..., file: StaticString = #filePath, line: UInt = #line
) {
  XCTAssertThrowsError(try decode(type, bytes), file: file, line: line) { error in
    check(error, .undecodable, texts, file: file, line: line)
  }
}

/// Checks that encoding fails as it should, with all the texts in the error message.
func assertUnencodable(
  _ value: some Encodable, _ texts: String..., file: StaticString = #filePath, line: UInt = #line
) {
  XCTAssertThrowsError(try encode(value), file: file, line: line) { error in
    check(error, .unencodable, texts, file: file, line: line)
    XCTAssertEqual((error as? RPCError)?.execution, .notExecuted, file: file, line: line)
  }
}

func check(_ error: any Error, _ code: RPCError.Code, _ texts: [String], file: StaticString, line: UInt) {
  guard let error = error as? RPCError else { return XCTFail("\(error)", file: file, line: line) }
  XCTAssertEqual(error.code, code, file: file, line: line)
  XCTAssertNotNil(error.cause, file: file, line: line)
  for text in texts {
    XCTAssertTrue(error.message.contains(text), "\(error.message) lacks \(text)", file: file, line: line)
  }
}

func greeting(in userInfo: [CodingUserInfoKey: Any]) -> String {
  CodingUserInfoKey(rawValue: "greeting").flatMap { userInfo[$0] as? String } ?? ""
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
