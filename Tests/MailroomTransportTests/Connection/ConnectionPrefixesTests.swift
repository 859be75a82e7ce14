import MailroomQueue
import TestSupport
import XCTest

@testable import MailroomTransport

/// Numbers in place of what many bodies begin with, on the wire.
final class ConnectionPrefixesTests: TransportTestCase {
  private static let limits = PrefixLimits(count: 3, byteCount: 1000)

  private let prefix = BodyPrefix([0, 1, 2])

  /// A connection to a raw socket that keeps prefixes.
  private func makeKeeper(
    _ limits: PrefixLimits = limits, configuration: TransportConfiguration = .init()
  ) throws -> (TransportClient, RawSocket) {
    let (client, peer) = try makeRawPair(configuration: configuration)
    try onLoop(client.loop) { client.enableExtensions(prefixes: limits) }
    return (client, peer)
  }

  private func body(_ peer: RawSocket) throws -> [UInt8] {
    switch try peer.receiveMessage() {
    case .oneWay(let body), .rpcRequest(_, let body), .rpcRequestWithDeadline(_, _, let body): return body
    case let other:
      XCTFail("\(other) is no message")
      return []
    }
  }

  func testThePeerIsToldOnceAndBeforeTheFirstUse() throws {
    let (client, peer) = try makeKeeper()
    try onLoop(client.loop) { [prefix] in
      try client.tell(prefix, 7, [8])
      try client.ask(prefix, 9, [], until: .distantFuture)
      try client.encode(prefix) { $0.append(UInt8(10)) }
      let deadline = MonotonicTime.now.advanced(by: .seconds(600))
      try client.encode(prefix, until: deadline) { $0.append(UInt8(11)) }
    }
    XCTAssertEqual(try peer.receiveMessage(), .numberPrefix(number: 0, prefix: [0, 1, 2]))
    XCTAssertEqual(try peer.receiveMessage(), .oneWay(body: [0x80, 0, 7, 8]))
    XCTAssertEqual(try body(peer), [0x80, 0, 9])
    XCTAssertEqual(try body(peer), [0x80, 0, 10])
    XCTAssertEqual(try body(peer), [0x80, 0, 11])
  }

  /// What a sender knows of a prefix is as good as what the prefix says, on one connection after another, numbered or not.
  func testWhatASenderKnowsOfAPrefixIsThatOfItsConnection() throws {
    let makers = try (0..<3).map { try makeKeeper(PrefixLimits(count: $0, byteCount: 1000)) }
    let other = BodyPrefix([5])
    let holder = MarkHolder()
    for (client, _) in makers {
      try onLoop(client.loop) { [prefix] in
        // The only number, where there is one.
        try client.tell(other, 6)
        for _ in 0..<2 {
          XCTAssertTrue(client.takesMessage(of: 100))
          client.sendTaken(prefix, holder.mark, tag: 7, [8].rawSpan)
        }
      }
    }
    for (index, (_, peer)) in makers.enumerated() {
      if index > 0 { XCTAssertEqual(try peer.receiveMessage(), .numberPrefix(number: 0, prefix: [5])) }
      XCTAssertEqual(try body(peer), index > 0 ? [0x80, 0, 6] : [5, 6])
      if index > 1 { XCTAssertEqual(try peer.receiveMessage(), .numberPrefix(number: 1, prefix: [0, 1, 2])) }
      for _ in 0..<2 { XCTAssertEqual(try body(peer), index > 1 ? [0x80, 1, 7, 8] : [0, 1, 2, 7, 8]) }
    }
  }

  private final class MarkHolder: Sendable {
    let mark = SettledMark()
  }

  func testEachPrefixHasItsNumberAndWhatFindsNoRoomIsSentInFull() throws {
    let (client, peer) = try makeKeeper()
    let prefixes = (0..<4).map { BodyPrefix([0, UInt8($0)]) }
    try onLoop(client.loop) {
      for _ in 0..<2 { for prefix in prefixes { try client.tell(prefix, 5) } }
    }
    for number in UInt8(0)..<3 {
      XCTAssertEqual(try peer.receiveMessage(), .numberPrefix(number: UInt32(number), prefix: [0, number]))
      XCTAssertEqual(try body(peer), [0x80, number, 5])
    }
    XCTAssertEqual(try body(peer), [0, 3, 5])
    for number in UInt8(0)..<3 { XCTAssertEqual(try body(peer), [0x80, number, 5]) }
    XCTAssertEqual(try body(peer), [0, 3, 5])
  }

  func testBranchIsSentAsItsNumberOrItsRootsAndTheRestOrInFull() throws {
    for withBranches in [true, false] {
      let (client, peer) = try makeKeeper(PrefixLimits(count: 2, byteCount: 1000, withBranches: withBranches))
      let branches = (UInt8(6)..<8).map { BodyPrefix(prefix, and: [$0, $0]) }
      let other = BodyPrefix(BodyPrefix([4]), and: [5])
      try onLoop(client.loop) {
        for branch in branches + [other] {
          try client.send(branch, [9].rawSpan)
          client.sendRPC(.receiver(Reply()), deadline: .distantFuture, branch, [9].rawSpan)
          try client.encode(branch) { $0.append(UInt8(9)) }
          try client.send(branch, [UInt8]().rawSpan)
        }
      }
      func assertBodies(_ start: [UInt8], line: UInt = #line) throws {
        for _ in 0..<3 { XCTAssertEqual(try body(peer), start + [9], line: line) }
        XCTAssertEqual(try body(peer), start, line: line)
      }
      if withBranches {
        XCTAssertEqual(try peer.receiveMessage(), .numberPrefix(number: 0, prefix: [0, 1, 2, 6, 6]))
        try assertBodies([0x80, 0])
        XCTAssertEqual(try peer.receiveMessage(), .numberPrefix(number: 1, prefix: [0, 1, 2]))
        try assertBodies([0x80, 1, 7, 7])
        try assertBodies([4, 5])
      } else {
        XCTAssertEqual(try peer.receiveMessage(), .numberPrefix(number: 0, prefix: [0, 1, 2]))
        try assertBodies([0x80, 0, 6, 6])
        try assertBodies([0x80, 0, 7, 7])
        XCTAssertEqual(try peer.receiveMessage(), .numberPrefix(number: 1, prefix: [4]))
        try assertBodies([0x80, 1, 5])
      }
    }
  }

  func testOthersAreSentPrefixesInFull() throws {
    for isExtended in [false, true] {
      let (client, peer) = try makeRawPair()
      try onLoop(client.loop) { [prefix] in
        if isExtended { client.enableExtensions() }
        try client.tell(prefix, 7, [8])
        try client.encode(prefix) { $0.append(UInt8(9)) }
        try client.send(BodyPrefix(prefix, and: [3]), [4].rawSpan)
      }
      defer { XCTAssertEqual(try peer.receiveMessage(), .oneWay(body: [0, 1, 2, 3, 4])) }
      XCTAssertEqual(try peer.receiveMessage(), .oneWay(body: [0, 1, 2, 7, 8]))
      XCTAssertEqual(try peer.receiveMessage(), .oneWay(body: [0, 1, 2, 9]))
    }
  }

  func testAnotherConnectionBeginsWithNothing() throws {
    let listener = try RawSocket.listen()
    let group = try makeGroup()
    let clients = try (0..<2).map { _ in try connect(group, port: listener.port) }
    let peers = try clients.map { _ in try listener.accept() }
    // There and back, with one prefix, and another number on the second.
    try onLoop(group.next()) { [prefix] in
      for client in clients { client.enableExtensions(prefixes: Self.limits) }
      try clients[1].tell(BodyPrefix([4]), 0)
      for index in [0, 1, 1, 0] { try clients[index].tell(prefix, 7) }
    }
    XCTAssertEqual(try peers[1].receiveMessage(), .numberPrefix(number: 0, prefix: [4]))
    XCTAssertEqual(try body(peers[1]), [0x80, 0, 0])
    for (number, peer) in peers.enumerated() {
      XCTAssertEqual(try peer.receiveMessage(), .numberPrefix(number: UInt32(number), prefix: [0, 1, 2]))
      XCTAssertEqual(try body(peer), [0x80, UInt8(number), 7])
    }
    XCTAssertEqual(try body(peers[1]), [0x80, 1, 7])
    // Back at the first one it is told again: it was settled elsewhere meanwhile.
    XCTAssertEqual(try peers[0].receiveMessage(), .numberPrefix(number: 1, prefix: [0, 1, 2]))
    XCTAssertEqual(try body(peers[0]), [0x80, 1, 7])
  }

  func testWhatThePeerSaysFirstCounts() throws {
    let (client, peer) = try makeKeeper(PrefixLimits(count: 1, byteCount: 1000))
    try onLoop(client.loop) { [prefix] in
      try client.tell(prefix, 7)
      client.enableExtensions(prefixes: PrefixLimits(count: 9, byteCount: 1000))
      try client.tell(prefix, 7)
      try client.tell(BodyPrefix([5]), 7)
    }
    _ = try peer.receiveMessage()
    XCTAssertEqual(try body(peer), [0x80, 0, 7])
    XCTAssertEqual(try body(peer), [0x80, 0, 7])
    XCTAssertEqual(try body(peer), [5, 7])
  }

  // MARK: While a message is encoded

  func testPrefixThatIsNumberedWhileAMessageIsEncodedIsToldBehindThat() throws {
    for isThrowing in [false, true] {
      let (client, peer) = try makeKeeper()
      let inner = BodyPrefix([3])
      try onLoop(client.loop) { [prefix] in
        do throws(TransportError) {
          try client.encode(prefix) { (writer) throws(TransportError) in
            writer.append(UInt8(7))
            try client.tell(inner, 8)
            try client.tell(prefix, 9)
            if isThrowing { throw TransportError(.unencodable, "changed its mind") }
          }
        } catch {
          XCTAssertEqual(error.reason, .unencodable)
        }
        try client.tell(prefix, 10)
      }
      XCTAssertEqual(try peer.receiveMessage(), .numberPrefix(number: 0, prefix: [0, 1, 2]))
      if !isThrowing { XCTAssertEqual(try body(peer), [0x80, 0, 7]) }
      XCTAssertEqual(try peer.receiveMessage(), .numberPrefix(number: 1, prefix: [3]))
      XCTAssertEqual(try body(peer), [0x80, 1, 8])
      XCTAssertEqual(try body(peer), [0x80, 0, 9])
      XCTAssertEqual(try body(peer), [0x80, 0, 10])
    }
  }

  // MARK: What fits

  func testWhatFitsDoesNotDependOnTheNumber() throws {
    var configuration = TransportConfiguration()
    configuration.maximumFrameLength = 200
    let (client, peer) = try makeKeeper(configuration: configuration)
    let prefix = BodyPrefix([UInt8](repeating: 0, count: 100))
    let oneWay = [UInt8](repeating: 7, count: 200 - 100 - FrameFormat.oneWayOverhead)
    let request = [UInt8](repeating: 7, count: 200 - 100 - FrameFormat.rpcOverhead)
    try onLoop(client.loop) {
      for _ in 0..<2 {
        try client.tell(prefix, 7, Array(oneWay.dropFirst()))
        try client.encode(prefix) { $0.append(oneWay) }
        XCTAssertThrowsError(try client.tell(prefix, 7, oneWay))
        XCTAssertThrowsError(try client.encode(prefix) { $0.append(oneWay + [1]) })
        for deadline in [MonotonicTime.distantFuture, .now.advanced(by: .seconds(600))] {
          try client.ask(prefix, 7, Array(request.dropFirst()), until: deadline)
          try client.encode(prefix, until: deadline) { $0.append(request) }
          XCTAssertThrowsError(try client.ask(prefix, 7, request, until: deadline))
          XCTAssertThrowsError(
            try client.encode(prefix, until: deadline) { $0.append(request + [1]) })
        }
      }
    }
    // Branches, too, whatever of them a number stands for.
    let root = BodyPrefix([UInt8](repeating: 0, count: 99))
    let branch = BodyPrefix(root, and: [7])
    let most = 200 - 100 - FrameFormat.oneWayOverhead
    try onLoop(client.loop) {
      try client.send(branch, [UInt8](repeating: 7, count: most).rawSpan)
      XCTAssertThrowsError(try client.send(branch, [UInt8](repeating: 7, count: most + 1).rawSpan))
      XCTAssertThrowsError(try client.encode(branch) { $0.append([UInt8](repeating: 7, count: most + 1)) })
    }
    // Twelve went, of which the peer was told once.
    XCTAssertEqual(try peer.receiveMessage(), .numberPrefix(number: 0, prefix: prefix.bytes))
    for _ in 0..<12 { XCTAssertEqual(try body(peer).prefix(3), [0x80, 0, 7]) }
  }

  func testPrefixThatFitsAFrameOnlyWithAMessageIsNotNumbered() throws {
    var configuration = TransportConfiguration()
    configuration.maximumFrameLength = 200
    let (client, peer) = try makeKeeper(configuration: configuration)
    let longest = BodyPrefix([UInt8](repeating: 1, count: 200 - FrameFormat.prefixOverhead))
    let tooLong = BodyPrefix([UInt8](repeating: 2, count: 200 - FrameFormat.prefixOverhead + 1))
    try onLoop(client.loop) {
      try client.tell(tooLong, 7)
      try client.tell(longest, 7)
    }
    XCTAssertEqual(try body(peer), tooLong.bytes + [7])
    XCTAssertEqual(try peer.receivePayload().count, 200 - FrameFormat.lengthSize)
    XCTAssertEqual(try body(peer), [0x80, 0, 7])
  }

  // MARK: Back-pressure and the end

  func testNothingIsSettledOnAConnectionThatTakesNoMessages() throws {
    let (client, _) = try makeKeeper()
    try onLoop(client.loop) { [prefix] in
      client.close()
      try client.tell(prefix, 7)
      XCTAssertEqual(prefix.settled.mark(in: 0), PrefixMark.none, "it was settled")
    }
    XCTAssertEqual(client.droppedOneWays, 1)
  }

  func testPrefixesAreNoMessagesThatWereDropped() throws {
    let (client, peer) = try makeKeeper()
    let large = [UInt8](repeating: 1, count: 8 << 20)
    try onLoop(client.loop) { [prefix] in
      try client.tell(prefix, 7, large)
    }
    peer.reset()
    waitUntil("the end of the connection") { !client.isActive }
    waitUntil("the message to be counted") { client.droppedOneWays == 1 }
  }

  // MARK: The receiving end

  /// Keeps prefixes as bytes, and notes what bodies stand for.
  private final class Keeper: ConnectionHandler {
    private var prefixes: [Int: [UInt8]] = [:]
    private let log: Box<[[UInt8]]>
    private let client: TransportClient

    init(_ client: TransportClient, _ log: Box<[[UInt8]]>) { (self.client, self.log) = (client, log) }

    func connectionDidOpen() { client.enableExtensions(prefixes: .none) }
    func peerDidNumber(_ prefix: RawSpan, _ number: Int) { prefixes[number] = prefix.array() }

    func receive(request body: RawSpan, responder: RPCResponder) {
      note(body)
      try? responder.succeed(body)
    }

    func receive(oneWay body: RawSpan) { note(body) }

    private func note(_ body: RawSpan) {
      guard let number = body.prefixNumber else { return log.append(body.array()) }
      log.append((prefixes[number] ?? [99]) + body.dropping(body.shortPrefixNumber == nil ? 4 : 2).array())
      // What follows is held until the loop's next turn, and stays in order.
      client.pauseReading()
      client.loop.execute { [client] in client.resumeReading() }
    }
  }

  func testDefinitionsKeepTheirPlaceAmongHeldMessages() throws {
    let log = Box<[[UInt8]]>([])
    let group = try makeGroup()
    let server = try awaited("the server's start") {
      try await TransportServer.start(group: group, host: "127.0.0.1", port: 0) { Keeper($0, log) }
    }
    let peer = try RawSocket.connect(port: server.port)
    var (sent, bytes): ([[UInt8]], [UInt8]) = ([], [])
    for step in UInt8(0)..<100 {
      bytes += try ReadMessage.numberPrefix(number: UInt32(step % 2), prefix: [step]).frame()
      bytes += [UInt8].oneWay([0x80, step % 2, 7]) + .oneWay([0x7F, step])
      sent += [[step, 7], [0x7F, step]]
    }
    try peer.send(bytes)
    waitUntil("all messages") { log.value.count == sent.count }
    XCTAssertEqual(log.value, sent)
    peer.close()
  }
}

extension TransportClient {
  /// Sends a one-way message, on the loop.
  fileprivate func tell(_ prefix: BodyPrefix, _ tag: UInt8, _ content: [UInt8] = []) throws(TransportError) {
    try send(prefix, tag: tag, content.rawSpan)
  }

  /// Sends a request, on the loop.
  fileprivate func ask(
    _ prefix: BodyPrefix, _ tag: UInt8, _ content: [UInt8], until deadline: MonotonicTime
  ) throws(TransportError) {
    try sendRPC(.receiver(Reply()), deadline: deadline, prefix, tag: tag, content.rawSpan)
  }

  /// Sends a one-way message that is encoded, on the loop.
  fileprivate func encode(
    _ prefix: BodyPrefix, _ body: (inout ByteWriter) throws(TransportError) -> Void
  ) throws(TransportError) {
    let mark = mark(of: prefix)
    try send(saved: mark.saved) { (writer) throws(TransportError) in
      writer.append(prefix, mark)
      try body(&writer)
    }
  }

  /// Sends a request that is encoded, on the loop.
  fileprivate func encode(
    _ prefix: BodyPrefix, until deadline: MonotonicTime, _ body: (inout ByteWriter) throws(TransportError) -> Void
  ) throws(TransportError) {
    let mark = mark(of: prefix)
    try sendRPC(.receiver(Reply()), deadline: deadline, saved: mark.saved) { (writer) throws(TransportError) in
      writer.append(prefix, mark)
      try body(&writer)
    }
  }
}
