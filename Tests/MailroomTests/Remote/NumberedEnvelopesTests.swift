import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// What is kept of a peer's numbered envelopes, and what is refused.
final class NumberedEnvelopesTests: EnvironmentTestCase {
  private let scheduler = ManualScheduler()

  private func envelope(_ name: String) throws -> [UInt8] {
    try Envelope.bytes(sender: nil, receiver: nil, name: name)
  }

  private func route(_ name: String) -> InboxRoute {
    let (inbox, _, _) = Inbox.logging(scheduler)
    return InboxRoute(name: Array(name.utf8), inbox: inbox, isHere: false)
  }

  private func assertRefused(
    _ table: inout NumberedEnvelopes, _ number: Int, _ bytes: [UInt8], offset: Int, line: UInt = #line
  ) {
    let (count, byteCount) = (table.count, table.byteCount)
    do throws(FrameError) {
      try table.define(number, bytes.rawSpan)
      XCTFail("\(number) was defined as \(bytes)", line: line)
    } catch {
      guard case .malformed(let malformed) = error else { return XCTFail("\(error)", line: line) }
      XCTAssertEqual(malformed.offset, offset, line: line)
    }
    XCTAssertEqual(table.count, count, line: line)
    XCTAssertEqual(table.byteCount, byteCount, line: line)
  }

  func testNumberStandsForItsEnvelopeAndLeadsToTheRouteThatWasFound() throws {
    var table = NumberedEnvelopes()
    let (a, b) = (try envelope("a"), try envelope("bc"))
    try table.define(0, a.rawSpan)
    try table.define(1, b.rawSpan)
    XCTAssertEqual(table.envelope(0), a)
    XCTAssertEqual(table.envelope(1), b)
    XCTAssertEqual(table.byteCount, a.count + b.count)
    XCTAssertNil(table.route(1), "nobody has looked")
    let route = route("bc")
    table.note(route, for: 1)
    XCTAssertTrue(table.route(1) === route)
    XCTAssertNil(table.route(0))
  }

  func testUnknownNumbersStandForNothing() throws {
    var table = NumberedEnvelopes()
    for number in [0, 1, 4095, 32767] {
      XCTAssertNil(table.envelope(number))
      XCTAssertNil(table.route(number))
    }
    let a = try envelope("a")
    try table.define(0, a.rawSpan)
    XCTAssertNil(table.envelope(1))
    XCTAssertNil(table.route(1))
  }

  func testRouteToAStoppedEndpointCountsForNothing() throws {
    var table = NumberedEnvelopes()
    let a = try envelope("a")
    try table.define(0, a.rawSpan)
    let (first, second) = (route("a"), route("a"))
    table.note(first, for: 0)
    first.inbox.stop()
    scheduler.giveAllTurns()
    XCTAssertNil(table.route(0))
    table.note(second, for: 0)
    XCTAssertTrue(table.route(0) === second)
    table.note(nil, for: 0)
    XCTAssertNil(table.route(0))
  }

  func testRoutesToStoppedEndpointsAreLetGo() throws {
    var table = NumberedEnvelopes()
    let a = try envelope("a")
    let lasting = route("lasting")
    for number in 0..<1000 {
      try table.define(number, a.rawSpan)
      if number == 10 {
        table.note(lasting, for: number)
        continue
      }
      let short = route("short")
      table.note(short, for: number)
      XCTAssertTrue(table.route(number) === short)
      short.inbox.stop()
      scheduler.giveAllTurns()
      XCTAssertLessThanOrEqual(table.routeCount, 65)
    }
    XCTAssertTrue(table.route(10) === lasting)
    // Living ones all stay.
    let living = (0..<500).map { _ in route("living") }
    for (number, route) in living.enumerated() { table.note(route, for: number) }
    for (number, route) in living.enumerated() { XCTAssertTrue(table.route(number) === route) }
    for number in 0..<1000 { table.note(nil, for: number) }
    XCTAssertEqual(table.routeCount, 0)
  }

  func testEndpointsAreFetchedAheadAsLongAsTheyChange() throws {
    var table = NumberedEnvelopes()
    for number in 0..<20 {
      let bytes = try envelope("e\(number)")
      try table.define(number, bytes.rawSpan)
      table.note(route("e\(number)"), for: number)
    }
    XCTAssertFalse(table.isScattered)
    for _ in 0..<2 {
      for _ in 0..<2 {
        for number in 0..<20 { _ = table.route(number) }
        table.didReadBatch()
        XCTAssertTrue(table.isScattered)
      }
      for number in [7, 7, 9, 9] { for _ in 0..<20 { _ = table.route(number) } }
      table.didReadBatch()
      XCTAssertFalse(table.isScattered, "two endpoints are few")
      table.didReadBatch()
      XCTAssertFalse(table.isScattered, "there was no message")
    }
    // Whatever the number, it is a hint.
    for number in [0, 7, 1 << 29] { table.fetch(number) }
  }

  func testSeveralNumbersOfOneEndpointAreNoChange() throws {
    var table = NumberedEnvelopes()
    let (one, other) = (route("one"), route("other"))
    for number in 0..<6 {
      let bytes = try envelope(number < 3 ? "one" : "other")
      try table.define(number, bytes.rawSpan)
      table.note(number < 3 ? one : other, for: number)
    }
    for _ in 0..<20 { for number in 0..<3 { _ = table.route(number) } }
    table.didReadBatch()
    XCTAssertFalse(table.isScattered)
    for _ in 0..<20 { for number in 2...3 { _ = table.route(number) } }
    table.didReadBatch()
    XCTAssertTrue(table.isScattered)
  }

  func testNumberThatIsDefinedAnewForgetsItsRoute() throws {
    var table = NumberedEnvelopes()
    let (a, b) = (try envelope("a"), try envelope("bcd"))
    try table.define(0, a.rawSpan)
    table.note(route("a"), for: 0)
    try table.define(0, b.rawSpan)
    XCTAssertNil(table.route(0))
    XCTAssertEqual(table.envelope(0), b)
    XCTAssertEqual(table.count, 1)
    XCTAssertEqual(table.byteCount, b.count)
  }

  func testNumbersWithGapsAndBeyondTheLimitAreRefused() throws {
    let a = try envelope("a")
    var table = NumberedEnvelopes(within: PrefixLimits(count: 2, byteCount: 1000))
    for number in [1, 2, 32767] { assertRefused(&table, number, a, offset: 1) }
    try table.define(0, a.rawSpan)
    assertRefused(&table, 2, a, offset: 1)
    try table.define(1, a.rawSpan)
    assertRefused(&table, 2, a, offset: 1)
    try table.define(0, a.rawSpan)
    var none = NumberedEnvelopes(within: .none)
    assertRefused(&none, 0, a, offset: 1)
  }

  func testMoreBytesThanTheLimitAreRefused() throws {
    let (a, abc) = (try envelope("a"), try envelope("abc"))
    var table = NumberedEnvelopes(within: PrefixLimits(count: 9, byteCount: 2 * a.count + 1))
    try table.define(0, a.rawSpan)
    try table.define(1, a.rawSpan)
    assertRefused(&table, 2, a, offset: 7)
    assertRefused(&table, 1, abc, offset: 7)
    let ab = try envelope("ab")
    try table.define(1, ab.rawSpan)
    XCTAssertEqual(table.byteCount, 2 * a.count + 1)
  }

  func testWhatIsNoEnvelopeIsRefused() throws {
    var table = NumberedEnvelopes()
    let whole = try Envelope.bytes(
      sender: RPCAddress(host: "there", port: 1), receiver: RPCAddress(host: "here", port: 2), name: "echo")
    for count in whole.indices { assertRefused(&table, 0, Array(whole[..<count]), offset: 7) }
    assertRefused(&table, 0, whole + [1], offset: 7 + whole.count)
    // One that begins with a number itself.
    assertRefused(&table, 0, [0x80, 0], offset: 7)
    try table.define(0, whole.rawSpan)
  }

  // MARK: Heads

  private func head(_ name: String) -> [UInt8] {
    var writer = ByteWriter()
    writer.append(Content.typed)
    writer.append(varint: UInt64(name.utf8.count))
    return writer.array() + Array(name.utf8)
  }

  func testNumberMayStandForAHeadToo() throws {
    var table = NumberedEnvelopes()
    let plain = try envelope("a")
    try table.define(0, plain.rawSpan)
    try table.define(1, (plain + head("Note")).rawSpan)
    XCTAssertFalse(table.isTyped(0))
    XCTAssertTrue(table.isTyped(1))
    XCTAssertFalse(table.isTyped(2))
    XCTAssertEqual(table.byteCount, 2 * plain.count + 6)
    XCTAssertEqual(table.content(1, [7, 8].rawSpan), head("Note") + [7, 8])
    XCTAssertEqual(table.content(1, [UInt8]().rawSpan), head("Note"))
    XCTAssertEqual(table.content(0, [7].rawSpan), [7])
    XCTAssertEqual(table.handlers(1), .none, "nobody has looked")
    XCTAssertEqual(table.handlers(2), .none)
    try table.define(1, plain.rawSpan)
    XCTAssertFalse(table.isTyped(1))
  }

  func testHandlersAreFoundWithTheRoute() async throws {
    let env = try await makeClient()
    let counter = try env.register("counter", Counter(), on: .shared)
    guard case .local(let inbox) = counter.target else { return XCTFail("it is here") }
    let route = InboxRoute(name: Array("counter".utf8), inbox: inbox, isHere: false)
    var table = NumberedEnvelopes()
    for (number, name) in ["Add", "Total", "Other", ""].enumerated() {
      try table.define(number, (try envelope("counter") + head(name)).rawSpan)
      table.note(route, for: number)
    }
    XCTAssertEqual(table.handlers(0), TypeHandlers(message: 0, request: -1))
    XCTAssertEqual(table.handlers(1), TypeHandlers(message: -1, request: 0))
    XCTAssertEqual(table.handlers(2), .none)
    XCTAssertEqual(table.handlers(3), .none)
    try table.define(0, (try envelope("counter") + head("Total")).rawSpan)
    XCTAssertEqual(table.handlers(0), .none, "those of what it stood for are forgotten")
  }

  func testWhatIsNoHeadIsRefused() throws {
    var table = NumberedEnvelopes()
    let plain = try envelope("echo")
    let whole = head("Note")
    // Only the empty rest is an envelope alone.
    for count in 1..<whole.count { assertRefused(&table, 0, plain + whole[..<count], offset: 7 + plain.count) }
    let others: [[UInt8]] = [
      whole + [0], [Content.raw], [Content.keyed] + [UInt8](repeating: 0, count: 16), [Content.java, 0xED],
      [Content.typed, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01], [Content.typed, 0x80], [0, 0],
    ]
    for other in others { assertRefused(&table, 0, plain + other, offset: 7 + plain.count) }
    var old = NumberedEnvelopes(within: PrefixLimits(count: 9, byteCount: 1000))
    assertRefused(&old, 0, plain + whole, offset: 7 + plain.count)
    try table.define(0, (plain + whole).rawSpan)
  }

  func testLongHeadIsRefused() throws {
    var table = NumberedEnvelopes()
    let plain = try envelope("echo")
    // Its handling is not to cost much more than the few bytes that stand for it.
    try table.define(0, (plain + head(String(repeating: "x", count: BodyPrefix.longestBranch - 3))).rawSpan)
    let longer = head(String(repeating: "x", count: BodyPrefix.longestBranch - 2))
    assertRefused(&table, 0, plain + longer, offset: 7 + plain.count)
  }

  /// Whatever a peer says is refused or kept, and what is kept can be asked for.
  func testNoBytesTrap() throws {
    var random = SeededRandom(seed: 7)
    var table = NumberedEnvelopes()
    let whole = try envelope("echo") + head("Note")
    var defined = 0
    for _ in 0..<20_000 {
      var bytes = Array(whole.prefix(Int.random(in: 0...whole.count, using: &random)))
      for _ in 0..<Int.random(in: 0...3, using: &random) where !bytes.isEmpty {
        bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      let number = Int.random(in: 0...3, using: &random)
      if (try? table.define(number, bytes.rawSpan)) != nil { defined += 1 }
      XCTAssertTrue(table.content(number, [9].rawSpan).count <= whole.count + 1)
      _ = table.handlers(number)
    }
    XCTAssertGreaterThan(defined, 100)
  }

  func testAllThatThePeerMaySayFits() throws {
    var table = NumberedEnvelopes()
    let size = EnvelopeAllowance.small.byteCount / EnvelopeAllowance.small.count
    let large = try envelope(String(repeating: "x", count: size - 4))
    XCTAssertEqual(large.count, size)
    for number in 0..<EnvelopeAllowance.small.count { try table.define(number, large.rawSpan) }
    assertRefused(&table, EnvelopeAllowance.small.count, large, offset: 1)
    let larger = try envelope(String(repeating: "x", count: size - 3))
    assertRefused(&table, 0, larger, offset: 7)
  }
}
