import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// Types that are `Codable` and say no more.
final class RPCValueCodableTests: EnvironmentTestCase {
  func testCodableValueIsReadBack() throws {
    let value = Parcel(
      name: "h\u{E4}uschen", weight: 1.5, tags: ["a", "b"], size: .large(3), note: nil,
      inner: [Inner(id: 1), Inner(id: -1)])
    XCTAssertEqual(try read(Parcel.self, from: written(value)), value)
  }

  func testItsLengthStandsInFront() throws {
    let whole = try written(Inner(id: 5))
    let coded = try encode(Inner(id: 5))
    XCTAssertEqual(whole, [UInt8(coded.count)] + coded)
    // So values can stand behind each other.
    var writer = ByteWriter()
    try Inner(id: 1).encode(into: &writer)
    try Inner(id: 2).encode(into: &writer)
    let two = writer.array()
    var reader = RPCReader(two.rawSpan, from: nil)
    XCTAssertEqual(try Inner(from: &reader), Inner(id: 1))
    XCTAssertEqual(try Inner(from: &reader), Inner(id: 2))
    XCTAssertEqual(reader.remaining, 0)
  }

  func testTruncationsAndHostileLengthsAreRefused() throws {
    let whole = try written(Parcel(name: "n", weight: 1, tags: ["t"], size: .small, note: "x", inner: [Inner(id: 3)]))
    for count in 0..<whole.count { XCTAssertThrowsError(try read(Parcel.self, from: Array(whole.prefix(count)))) }
    XCTAssertThrowsError(try read(Parcel.self, from: [UInt8](repeating: 0xFF, count: 9) + [1]))
    XCTAssertThrowsError(try read(Parcel.self, from: [0]))
  }

  func testErrorOfTheTypeIsReported() {
    XCTAssertThrowsError(try written(Stubborn())) { assertIs($0 as? RPCError, .unencodable, execution: .notExecuted) }
    XCTAssertThrowsError(try read(Stubborn.self, from: written(Inner(id: 1)))) {
      assertIs($0 as? RPCError, .undecodable)
    }
  }

  func testReferenceInAMessageIsBoundToTheReadersEnvironment() async throws {
    let (server, client) = (try await makeServer(), try await makeClient())
    let ref = try server.register("echo", Echo())
    let bytes = try written(Holder(ref: ref, more: [ref]))
    var reader = RPCReader(bytes.rawSpan, from: MessageSource(env: client))
    let holder = try Holder(from: &reader)
    XCTAssertEqual(holder.ref, ref)
    XCTAssertTrue(holder.ref.env === client)
    let reply = try await holder.more[0].ask(Say(text: "through the reader's connection"))
    XCTAssertEqual(reply, "through the reader's connection")
    // Without an environment there is nothing to bind it to.
    XCTAssertThrowsError(try read(Holder.self, from: bytes)) { assertIs($0 as? RPCError, .undecodable) }
  }

  func testReferenceWithAForgedNameOrAddressIsRefused() async throws {
    let client = try await makeClient()
    let forged: [(String, String?, UInt16)] = [
      ("", nil, 0), ("a b", nil, 0), ("a@b", "host", 1), ("a", "", 1), ("a", "ho st", 1), ("a", "ho/st", 1),
    ]
    for (name, host, port) in forged {
      var writer = ByteWriter()
      name.encode(into: &writer)
      RPCEnvID.random().encode(into: &writer)
      (host != nil).encode(into: &writer)
      if let host {
        host.encode(into: &writer)
        writer.append(integer: port)
      }
      let bytes = writer.array()
      var reader = RPCReader(bytes.rawSpan, from: MessageSource(env: client))
      XCTAssertThrowsError(try RPCEndpointRef(from: &reader), "\(name) at \(host ?? "nowhere")") {
        assertIs($0 as? RPCError, .invalidAddress)
      }
    }
  }

  private func written(_ value: some RPCValue) throws -> [UInt8] {
    var writer = ByteWriter()
    try value.encode(into: &writer)
    return writer.array()
  }

  private func read<Value: RPCValue>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
    var reader = RPCReader(bytes.rawSpan, from: nil)
    return try Value(from: &reader)
  }
}

private struct Inner: RPCValue, Codable, Equatable {
  var id: Int
}

private struct Parcel: RPCValue, Codable, Equatable {
  enum Size: Codable, Equatable {
    case small
    case large(Int)
  }

  var name: String
  var weight: Double
  var tags: Set<String>
  var size: Size
  var note: String?
  var inner: [Inner]
}

private struct Stubborn: RPCValue, Codable {
  init() {}
  func encode(to encoder: any Encoder) throws { throw Oops() }
  init(from decoder: any Decoder) throws { throw Oops() }
}

private struct Holder: RPCValue, Codable {
  var ref: RPCEndpointRef
  var more: [RPCEndpointRef]
}
