import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

final class TypedPrefixesTests: XCTestCase {
  private let root = BodyPrefix([0, 0, 0, 1, 65])

  func testPrefixIsTheEnvelopeAndTheHeadAndAlwaysTheSameOne() {
    let prefixes = TypedPrefixes()
    let note = prefixes.prefix(for: .of(Note.self), behind: root)
    XCTAssertEqual(note.bytes, root.bytes + [2, 4] + Array("Note".utf8))
    XCTAssertTrue(note.root === root)
    let say = prefixes.prefix(for: .of(Say.self), behind: root)
    XCTAssertEqual(say.bytes, root.bytes + [2, 3] + Array("Say".utf8))
    XCTAssertTrue(prefixes.prefix(for: .of(Note.self), behind: root) === note)
    XCTAssertTrue(prefixes.prefix(for: .of(Say.self), behind: root) === say)
  }

  /// More types than there are places, of which some have heads that are made anew each time.
  func testManyTypesHaveTheirOwnPrefixes() async throws {
    let prefixes = TypedPrefixes()
    let first = Self.prefixes(depth: 300, prefixes, root)
    XCTAssertEqual(Set(first.map(ObjectIdentifier.init)).count, 300)
    for (depth, prefix) in first.enumerated() {
      let head = [2] + (try RawFrame.value(of: Self.name(depth))).prefix(Self.name(depth).utf8.count > 127 ? 2 : 1)
      XCTAssertEqual(prefix.bytes, root.bytes + head + Array(Self.name(depth).utf8))
    }
    try await fromThreads(4) { [root] _ in
      let again = Self.prefixes(depth: 300, prefixes, root)
      XCTAssertTrue(zip(first, again).allSatisfy { $0 === $1 })
    }
  }

  private static func name(_ depth: Int) -> String { "N\(depth)" }

  private static func prefixes(depth: Int, _ prefixes: TypedPrefixes, _ root: BodyPrefix) -> [BodyPrefix] {
    var found: [BodyPrefix] = []
    var next: any Nested.Type = Wrapped<Innermost>.self
    for _ in 0..<depth {
      found.append(step(&next, prefixes, root))
    }
    return found
  }

  private static func step(
    _ next: inout any Nested.Type, _ prefixes: TypedPrefixes, _ root: BodyPrefix
  ) -> BodyPrefix {
    func find<Message: Nested>(_ type: Message.Type) -> BodyPrefix {
      next = Wrapped<Message>.self
      return prefixes.prefix(for: .of(type), behind: root)
    }
    return find(next)
  }
}

/// A message type that knows how deep it is wrapped, for short names of many types.
private protocol Nested: RPCMessage {
  static var depth: Int { get }
}

private struct Innermost: Nested {
  static let depth = -1
  func encode(into writer: inout RPCWriter) {}
  init(from reader: inout RPCReader) {}
}

private struct Wrapped<Inner: Nested>: Nested {
  static var depth: Int { Inner.depth + 1 }
  static var messageName: String { "N\(depth)" }
  func encode(into writer: inout RPCWriter) {}
  init(from reader: inout RPCReader) {}
}
