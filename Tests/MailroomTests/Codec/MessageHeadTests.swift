import TestSupport
import XCTest

@testable import Mailroom

final class MessageHeadTests: XCTestCase {
  func testNameIsTheTypesWithoutItsModule() {
    XCTAssertEqual(name(of: Say.self), "Say")
    XCTAssertEqual(name(of: Outer.Nested.self), "Nested")
    XCTAssertEqual(name(of: Wrapped<Say>.self), "Wrapped<Say>")
    XCTAssertEqual(name(of: Named.self), "h\u{E4}user/1")
    XCTAssertEqual(name(of: Named.self), "h\u{E4}user/1", "and the second time too")
  }

  func testManyTypesHaveTheirOwnNames() {
    // More than the table has places for types that meet there.
    var seen: [String: String] = [:]
    for (name, expected) in Self.names(of: Wrapped<Say>.self, depth: 200) {
      XCTAssertEqual(name, expected)
      seen[name] = expected
    }
    XCTAssertEqual(seen.count, 200)
    // What had no place in the table is found again all the same.
    for (name, expected) in Self.names(of: Wrapped<Say>.self, depth: 200) { XCTAssertEqual(name, expected) }
  }

  func testManyThreadsAgree() async throws {
    let names = Box<Set<String>>([])
    try await fromThreads(8) { _ in
      for (name, _) in Self.names(of: Wrapped<Note>.self, depth: 50) { names.update { $0.insert(name) } }
    }
    XCTAssertEqual(names.value, Set(Self.names(of: Wrapped<Note>.self, depth: 50).map(\.1)))
  }

  private func name<Message: RPCMessage>(of type: Message.Type) -> String {
    String(decoding: MessageHead.of(type).name, as: UTF8.self)
  }

  /// The names of a type and of as many wrapped around it, as found and as they should be.
  private static func names<Message: RPCMessage>(of type: Message.Type, depth: Int) -> [(String, String)] {
    var names: [(String, String)] = []
    var next: any RPCMessage.Type = type
    for _ in 0..<depth {
      let (bytes, expected, wrapped) = step(next)
      names.append((String(decoding: bytes, as: UTF8.self), expected))
      next = wrapped
    }
    return names
  }

  private static func step<Message: RPCMessage>(
    _ type: Message.Type
  ) -> ([UInt8], String, any RPCMessage.Type) {
    (MessageHead.of(type).name, String(describing: type), Wrapped<Message>.self)
  }
}

private enum Outer {
  struct Nested: RPCMessage, Codable {}
}

private struct Wrapped<Content: RPCMessage>: RPCMessage {
  init() {}
  func encode(into writer: inout RPCWriter) {}
  init(from reader: inout RPCReader) {}
}

private struct Named: RPCMessage, Codable {
  static let messageName = "h\u{E4}user/1"
}
