import MailroomQueue
import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// That messages to changing endpoints are served each in a turn of its own, and what they do to others on the way.
///
/// The frames are handed over on the loop, so that nothing is left to how they are read.
final class RemoteHandlerAloneTests: ScatteredTestCase {
  // MARK: A turn of its own

  func testMessagesOfAllKindsHaveATurnOfTheirOwn() async throws {
    // Numbers of two bytes, and of four.
    for base: UInt32 in [0, 0x4000] {
      let server = try await makeServer()
      let log = Box<[String]>([])
      try register(server, log)
      let driven = try await makeDriven(server)
      try await driven.run { handler in
        let anyone = RawFrame.message("e0", [])
        for number in 0..<Int(base) { try handler.peerDidNumber(anyone.rawSpan, number) }
        for index in 0..<Self.count {
          let envelope = RawFrame.message("e\(index)", [])
          for (kind, head) in [[], MessageHead.of(Note.self).bytes, MessageHead.of(Say.self).bytes].enumerated() {
            try handler.peerDidNumber((envelope + head).rawSpan, Int(base + 3 * index) + kind)
          }
        }
        for step in 0..<2 {
          for kind in 0..<UInt32(3) {
            let contents = [try RawFrame.typed(Note(text: "-")), try RawFrame.value(Note(text: "-")), [0xFF, 0xFF]]
            for index in 0..<Self.count {
              let frame = RawFrame.oneWay(to: base + 3 * index + kind, contents[Int(kind)])
              // The first message behind each number finds its endpoint.
              if step == 0 { try Self.takeAlone(frame, handler) } else { try handler.take(frame) }
              XCTAssertEqual(handler.holdsTurn, step == 1, "before it is known that messages are scattered")
            }
          }
        }
        XCTAssertFalse(handler.isScattered)
        handler.connectionDidReadBatch()
        XCTAssertTrue(handler.isScattered)
        XCTAssertFalse(handler.holdsTurn)
        for index in 0..<Self.count {
          let (name, id, number) = ("e\(index)", Int64(index), base + 3 * index)
          let (say, whole) = (try RawFrame.value(Say(text: "say")), try RawFrame.typed(Say(text: "whole say")))
          let value = try RawFrame.value(Note(text: "value"))
          try Self.serve(Self.note("whole", to: number), handler, log, "\(name) whole")
          try Self.serve(RawFrame.oneWay(to: number, [1, 5]), handler, log, "\(name) [5]")
          try Self.serve(RawFrame.oneWay(to: number + 1, value), handler, log, "\(name) value")
          try Self.serve(RawFrame.request(id, to: number, [1, 6]), handler, log, "\(name) [6]")
          try Self.serve(RawFrame.request(100 + id, to: number, whole), handler, log, "\(name) whole say")
          try Self.serve(RawFrame.request(200 + id, to: number + 2, say), handler, log, "\(name) say")
        }
        handler.connectionDidReadBatch()
      }
      let answers = try await driven.answers(3 * Int(Self.count))
      XCTAssertEqual(answers.map(\.id), (0..<Int64(Self.count)).flatMap { [$0, 100 + $0, 200 + $0] })
      XCTAssertEqual(answers.map(\.body.first), (0..<Self.count).flatMap { _ in [1, 2, 2] })
    }
  }

  /// Passes everything on to a remote handler, and notes how that is behind each message and batch.
  private final class Witness: ConnectionHandler {
    let handler: RemoteHandler
    /// What was seen behind the messages of each batch; those of the one that goes on are the last.
    let batches: Box<[[String]]>

    init(_ handler: RemoteHandler, _ batches: Box<[[String]]>) { (self.handler, self.batches) = (handler, batches) }

    private func look() {
      let sight = "\(handler.isScattered ? "scattered" : "not yet"), \(handler.holdsTurn ? "in a turn" : "alone")"
      batches.update { $0[$0.count - 1].append(sight) }
    }

    var asker: (any AnyObject & Sendable)? { handler.asker }
    var looksAhead: Bool { handler.looksAhead }
    func peerWillSend(to number: Int) { handler.peerWillSend(to: number) }
    func peerDidNumber(_ prefix: RawSpan, _ number: Int) throws(FrameError) {
      try handler.peerDidNumber(prefix, number)
    }
    func connectionDidClose(_ error: TransportError?) { handler.connectionDidClose(error) }

    func receive(request body: RawSpan, responder: RPCResponder) {
      handler.receive(request: body, responder: responder)
      look()
    }

    func receive(oneWay body: RawSpan) {
      handler.receive(oneWay: body)
      look()
    }

    func connectionDidReadBatch() {
      handler.connectionDidReadBatch()
      batches.append([])
    }
  }

  func testWhatIsReadTogetherIsServedAloneOverAConnection() async throws {
    let server = try await makeServer()
    let log = Box<[String]>([])
    try register(server, log)
    let batches = Box<[[String]]>([[]])
    let transport = try await TransportServer.start(group: server.group, host: "127.0.0.1", port: 0) { client in
      Witness(RemoteHandler(RemotePeer(client: client, env: server)), batches)
    }
    defer { transport.close() }
    let peer = try RawSocket(port: transport.port)
    try await peer.introduce()
    try peer.send((0..<Self.count).flatMap { RawFrame.number($0, for: "e\($0)") })
    // The first message behind each number finds its endpoint.
    for index in 0..<Self.count {
      try peer.send(RawFrame.request(0, to: index, [1, 0]))
      _ = try await peer.next()
    }
    // By name, so that no number is known as the last one's, which is served as in a run.
    let byName = RawFrame.oneWay(to: "e0", try RawFrame.typed(Note(text: "by name")))
    for round in 1...3 {
      let (blocked, gate) = (Signal("the loop's thread"), Gate("the loop to go on"))
      server.group.loops[0].execute {
        blocked.fire()
        gate.pass()
      }
      await blocked.comes()
      batches.update { $0 = [[]] }
      try peer.send((0..<Self.count).flatMap { RawFrame.request(Int64($0), to: $0, [1, UInt8(round)]) } + byName)
      await eventually("the other end has what was sent") { peer.unconfirmed == 0 }
      gate.open()
      let answers = try await peer.next(Int(Self.count))
      XCTAssertEqual(answers.map(\.id), (0..<Int64(Self.count)).map { $0 })
      await eventually("the batch is at its end") { batches.value.count == 2 }
      let (state, turn) = round == 1 ? ("not yet", "in a turn") : ("scattered", "alone")
      let sights = Array(repeating: "\(state), \(turn)", count: Int(Self.count)) + ["\(state), in a turn"]
      XCTAssertEqual(batches.value, [sights, []], "\(round)")
      let expected = (0..<Self.count).map { "e\($0) [\(round)]" } + ["e0 by name"]
      XCTAssertEqual(Array(log.value.suffix(expected.count)), expected)
    }
  }

  func testBatchForOneEndpointEndsIt() async throws {
    let (log, driven) = try await makeWriters()
    try await driven.run { handler in
      try Self.scatter(handler)
      for step in 0..<20 { try Self.serve(Self.note("\(step)", to: 3), handler, log, "e3 \(step)") }
      handler.connectionDidReadBatch()
      XCTAssertFalse(handler.isScattered)
      for step in 0..<20 {
        try handler.take(Self.note("run \(step)", to: 3))
        XCTAssertTrue(handler.holdsTurn)
        XCTAssertEqual(log.value.last, "e3 run \(step)")
      }
      handler.connectionDidReadBatch()
      XCTAssertFalse(handler.holdsTurn)
    }
  }

  func testTurnOfAnotherEndpointEndsBefore() async throws {
    let server = try await makeServer()
    let log = Box<[String]>([])
    let other = try server.register("other", Writer("other", log), on: .eventLoop)
    // What is sent to the other one is queued, and nobody would come for it within its turn.
    try register(server, log) { text in if text == "sends" { try other.send(Note(text: "sent")) } }
    let driven = try await makeDriven(server)
    try await driven.run { handler in
      try Self.scatter(handler)
      try handler.take(RawFrame.oneWay(to: "other", try RawFrame.typed(Note(text: "by name"))))
      XCTAssertTrue(handler.holdsTurn)
      try Self.serve(Self.note("sends", to: 5), handler, log, "e5 sends")
    }
    try await driven.run { handler in
      XCTAssertEqual(log.value.suffix(3), ["other by name", "e5 sends", "other sent"])
      handler.connectionDidReadBatch()
    }
  }

  // MARK: Concurrent endpoints

  /// Waits in the handlers of requests of values until it is let go on.
  private final class Crowd: RPCConcurrentEndpoint {
    let log: Box<[String]>
    let suspension: Suspension

    init(_ log: Box<[String]>, _ suspension: Suspension) { (self.log, self.suspension) = (log, suspension) }

    static func handlers(_ on: inout RPCHandlers<Crowd>) {
      on.ask(Say.self) { crowd, say async in
        crowd.log.append(say.text)
        await crowd.suspension.wait()
        return say.text
      }
      on.receive(Note.self) { crowd, note in crowd.log.append(note.text) }
      on.askBytes { crowd, bytes, context in
        crowd.log.append("\(bytes.array()[0])")
        try context.reply(bytes)
      }
    }
  }

  func testMessagesThatAFullConcurrentEndpointRefusesAreHandledOnceAndInTheirOrder() async throws {
    var configuration = RPCConfiguration()
    configuration.maximumInboxMessages = 4
    let server = try await makeServer(configuration)
    let (log, others, suspension) = (Box<[String]>([]), Box<[String]>([]), Suspension())
    try register(server, others)
    try server.register("crowd", Crowd(log, suspension), on: .eventLoop)
    let inbox = try XCTUnwrap(server.dispatcher.find("crowd")?.inbox)
    let driven = try await makeDriven(server)
    let (plain, said, noted) = (Self.count, Self.count + 1, Self.count + 2)
    try await driven.run { handler in
      try Self.scatter(
        handler,
        RawFrame.number(plain, for: "crowd") + RawFrame.number(said, for: "crowd", Say.self)
          + RawFrame.number(noted, for: "crowd", Note.self) + RawFrame.request(0, to: plain, [1, 0])
          + RawFrame.oneWay(to: said, [0xFF, 0xFF]) + RawFrame.oneWay(to: noted, try RawFrame.value(Note(text: "0"))))
      XCTAssertEqual(inbox.level.messages, 0)
      for index in 1...4 {
        let request = RawFrame.request(Int64(index), to: said, try RawFrame.value(Say(text: "\(index)")))
        try Self.serve(request, handler, log, "\(index)")
        try Self.serve(Self.note("between", to: UInt32(index)), handler, others, "e\(index) between")
        XCTAssertEqual(inbox.level.messages, index, "those that wait are counted")
      }
    }
    // Full from here on. In each round another kind is the one that is refused: those behind it are queued behind it.
    for round in 0..<3 {
      try await driven.run { handler in
        let before = 5 + 3 * round
        XCTAssertEqual(
          log.value.suffix(before - 1), (1..<before).map { "\($0)" }, "each was taken up once, in its order")
        XCTAssertTrue(inbox.gauge.isFull)
        for step in 0..<3 {
          let (index, text) = (before + step, "\(before + step)")
          switch (step + round) % 3 {
          case 0: try handler.take(RawFrame.request(Int64(index), to: said, try RawFrame.value(Say(text: text))))
          case 1: try handler.take(RawFrame.request(Int64(index), to: plain, [1, UInt8(index)]))
          default: try handler.take(RawFrame.oneWay(to: noted, try RawFrame.value(Note(text: text))))
          }
          XCTAssertFalse(handler.holdsTurn)
          try Self.serve(Self.note("beside", to: UInt32(step)), handler, others, "e\(step) beside")
        }
        XCTAssertEqual(log.value.count, before + 1, "there was room for none of the three")
      }
    }
    try await driven.run { handler in
      XCTAssertEqual(log.value, ["0", "0"] + (1...13).map { "\($0)" })
      handler.connectionDidReadBatch()
    }
    suspension.open()
    // One in three of the later ones was no request.
    let answers = try await driven.answers(1 + 4 + 6)
    XCTAssertEqual(answers.map(\.id).sorted(), [0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 13])
    for answer in answers {
      let isRaw = [0, 6, 8, 13].contains(answer.id)
      let text = Array("\(answer.id)".utf8)
      XCTAssertEqual(answer.body, isRaw ? [1, UInt8(answer.id)] : [2, UInt8(text.count)] + text)
    }
    await eventually("all is counted out") { inbox.level.messages == 0 && inbox.level.bytes == 0 }
    XCTAssertEqual(log.value.count, 15)
  }

  // MARK: Numbers

  func testNumberThatIsDefinedAnewStandsForTheNewEndpointAtOnce() async throws {
    let (log, driven) = try await makeWriters()
    try await driven.run { handler in
      try Self.scatter(handler)
      try Self.serve(Self.note("old", to: 3), handler, log, "e3 old")
      try handler.take(RawFrame.number(3, for: "e4"))
      for text in ["found", "known"] {
        // The first one finds the endpoint; the one in between leaves nothing of that.
        try handler.take(Self.note(text, to: 3))
        XCTAssertEqual(log.value.last, "e4 \(text)")
        try Self.serve(Self.note("between", to: 0), handler, log, "e0 between")
      }
      try Self.serve(Self.note("alone", to: 3), handler, log, "e4 alone")
      // For values of a type, then of another one, then for a name alone again, which is nobody's, and somebody's.
      try handler.take(RawFrame.number(3, for: "e5", Note.self))
      for text in ["found", "alone"] {
        try handler.take(RawFrame.oneWay(to: 3, try RawFrame.value(Note(text: text))))
        XCTAssertEqual(log.value.last, "e5 \(text)")
        try Self.serve(Self.note("between", to: 1), handler, log, "e1 between")
      }
      try handler.take(RawFrame.number(3, for: "e6", Say.self))
      for id: Int64 in [1, 2] {
        try handler.take(RawFrame.request(id, to: 3, try RawFrame.value(Say(text: "\(id)"))))
        XCTAssertEqual(log.value.last, "e6 \(id)")
        try Self.serve(Self.note("between", to: 2), handler, log, "e2 between")
      }
      try handler.take(RawFrame.number(3, for: "nobody") + RawFrame.request(3, to: 3, [1, 1]))
      try handler.take(RawFrame.number(3, for: "e7") + RawFrame.request(4, to: 3, [1, 1]))
      try Self.serve(Self.note("behind", to: 8), handler, log, "e8 behind")
      try Self.serve(RawFrame.request(5, to: 3, [1, 2]), handler, log, "e7 [2]")
      handler.connectionDidReadBatch()
    }
    let answers = try await driven.answers(5)
    XCTAssertEqual(answers.map(\.id), [1, 2, 3, 4, 5])
    let bodies = answers.map(\.body)
    XCTAssertEqual([bodies[0], bodies[1], bodies[3], bodies[4]], [[2, 1, 49], [2, 1, 50], [1, 1], [1, 2]])
    assertIs(answers[2].error, .endpointNotFound, execution: .notExecuted)
  }

  func testNumberOfTheLastRunThatIsDefinedAnewLeavesNothingOfTheRun() async throws {
    let (log, driven) = try await makeWriters()
    try await driven.run { handler in
      try Self.scatter(handler)
      // A batch that is no scattered one, and then one that ends with the number that is defined anew.
      handler.connectionDidReadBatch()
      for number in Array(0..<Self.count) + [5] { try handler.take(Self.note("again", to: number)) }
      handler.connectionDidReadBatch()
      XCTAssertTrue(handler.isScattered)
      for (step, name) in ["e5", "e6", "e7"].enumerated() {
        if step > 0 { try handler.take(RawFrame.number(5, for: name)) }
        for text in ["one", "two", "three"] {
          try handler.take(Self.note(text, to: 5))
          XCTAssertEqual(log.value.last, "\(name) \(text)")
          try Self.serve(Self.note("between", to: 0), handler, log, "e0 between")
        }
      }
      handler.connectionDidReadBatch()
    }
  }

  // MARK: Keys

  func testRequestWithAKeyIsAnsweredOnceAndTheNextOneHasNone() async throws {
    let (log, driven) = try await makeWriters()
    var key = ByteWriter()
    Content.append(.random(), to: &key)
    let keyed = key.array()
    try await driven.run { handler in
      try Self.scatter(handler)
      for number in 0..<Self.count {
        let id = 3 * Int64(number)
        try Self.serve(RawFrame.request(id, to: number, [1, 1]), handler, log, "e\(number) [1]")
        let count = log.value.count
        try handler.take(RawFrame.request(id + 1, to: number, keyed + [1, 2]))
        XCTAssertEqual(log.value.dropFirst(count), ["e\(number) [2] keyed"])
        try handler.take(RawFrame.request(id + 2, to: number, [1, 3]))
        XCTAssertEqual(log.value.dropFirst(count + 1), ["e\(number) [3]"])
      }
      handler.connectionDidReadBatch()
      // Behind all of them.
      try handler.take(RawFrame.request(1000, to: 0, [1, 9]))
      handler.connectionDidReadBatch()
    }
    let answers = try await driven.answers(3 * Int(Self.count) + 1)
    XCTAssertEqual(answers.map(\.id), (0..<3 * Int64(Self.count)) + [1000])
    XCTAssertEqual(answers.map(\.body), (0..<Self.count).flatMap { _ in [[1, 1], [1, 2], [1, 3]] } + [[1, 9]])
  }
}
