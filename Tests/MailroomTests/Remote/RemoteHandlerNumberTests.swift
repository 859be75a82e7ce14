import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// What an environment makes of the numbers that its peers give to envelopes.
final class RemoteHandlerNumberTests: EnvironmentTestCase {
  private func assertEchoes(
    _ peer: RawSocket, _ number: UInt32, _ byte: UInt8, _ message: String = "", line: UInt = #line
  ) async throws {
    try peer.send(RawFrame.request(Int64(byte), to: number, [1, byte]))
    let answer = try await peer.next()
    XCTAssertEqual(answer.kind, 4, "\(message): \(answer.text)", line: line)
    XCTAssertEqual(answer.id, Int64(byte), message, line: line)
    XCTAssertEqual(answer.body, [1, byte], message, line: line)
  }

  func testNumbersLeadToTheirEndpoints() async throws {
    for dispatch in Way.dispatches {
      let server = try await makeServer()
      let names = ["a", "b", "c"]
      for (index, name) in names.enumerated() {
        let endpoint = Scripted()
        endpoint.askedBytes = { bytes, context in try context.reply(bytes + [UInt8(index)]) }
        try server.register(name, endpoint, on: dispatch)
      }
      let peer = try await makePeer(server)
      for (number, name) in names.enumerated() { try peer.send(RawFrame.number(UInt32(number), for: name)) }
      for step in 0..<60 {
        // In runs and in turns, with the envelope in full in between.
        let index = step / 3 % 3
        if step % 7 == 6 {
          try peer.send(RawFrame.request(Int64(step), to: names[index], [1, 9]))
        } else {
          try peer.send(RawFrame.request(Int64(step), to: UInt32(index), [1, 9]))
        }
        let answer = try await peer.next()
        XCTAssertEqual(answer.body, [1, 9, UInt8(index)], "\(dispatch), \(step)")
      }
    }
  }

  func testOneWayMessagesTypedMessagesAndLookUpsTakeNumbersToo() async throws {
    for dispatch in Way.dispatches {
      let (peer, notes, noted) = try await makeEchoPeer(on: dispatch)
      try peer.send(RawFrame.number(0, for: "echo") + RawFrame.number(1, for: "endpoint-verifier"))
      for text in ["1", "2"] { try peer.send(RawFrame.oneWay(to: 0, RawFrame.typed(Note(text: text)))) }
      await noted.comes(2)
      XCTAssertEqual(notes.value, ["1", "2"], "\(dispatch)")
      try peer.send(RawFrame.request(1, to: 0, RawFrame.typed(Say(text: "typed"))))
      let typed = try await peer.next()
      XCTAssertEqual(typed.body.suffix(5), ArraySlice("typed".utf8))
      for name in ["echo", "other"] {
        try peer.send(RawFrame.request(2, to: 1, JavaObjectStream.checkExistence(name: name)))
        let answer = try await peer.next()
        XCTAssertEqual(answer.body, JavaObjectStream.boolean(name == "echo"), "\(dispatch)")
      }
      // A Java object is answered as it is behind a whole envelope, before and after the endpoint was found.
      try peer.send(RawFrame.request(3, to: 0, bytes(hex: "aced0005")))
      let refusal = try await peer.next()
      XCTAssertEqual(refusal.text, "Java objects are not supported here")
    }
  }

  func testEndpointThatIsStoppedAndRegisteredAgainIsFoundByItsOldNumber() async throws {
    for dispatch in Way.dispatches {
      let server = try await makeServer()
      let peer = try await makePeer(server)
      // The number comes before the endpoint.
      try peer.send(RawFrame.number(0, for: "late"))
      for round in 0..<3 {
        try peer.send(RawFrame.oneWay(to: 0, [1, 9]) + RawFrame.request(1, to: 0, [1, 9]))
        let missing = try await peer.next()
        var reader = RPCReader(missing.body.rawSpan.dropping(1), from: nil)
        assertIs(try Content.readFailure(&reader), .endpointNotFound, execution: .notExecuted, "\(dispatch)")
        XCTAssertEqual(server.undeliverableMessages, round + 1)
        let ref = try server.register("late", Echo(), on: dispatch)
        try await assertEchoes(peer, 0, 5, "\(dispatch)")
        try await assertEchoes(peer, 0, 6, "\(dispatch)")
        server.stop(ref)
      }
    }
  }

  func testNumberCanStandForAnotherEndpointLater() async throws {
    let server = try await makeServer()
    for name in ["a", "b"] {
      let endpoint = Scripted()
      endpoint.askedBytes = { _, context in try context.reply(Array(name.utf8)) }
      try server.register(name, endpoint)
    }
    let peer = try await makePeer(server)
    // All in one write, so that most is read together.
    var frames: [UInt8] = []
    for step in 0..<100 {
      frames += RawFrame.number(0, for: step % 2 == 0 ? "a" : "b") + RawFrame.request(Int64(step), to: 0, [1])
    }
    try peer.send(frames)
    var answers: [Int64: [UInt8]] = [:]
    for _ in 0..<100 {
      let answer = try await peer.next()
      answers[answer.id] = answer.body
    }
    for step in 0..<100 { XCTAssertEqual(answers[Int64(step)], [1, UInt8(ascii: step % 2 == 0 ? "a" : "b")]) }
  }

  /// So many endpoints that some numbers take four bytes, asked in turn and at random, so that those ahead are fetched.
  func testManyEndpointsAreFoundByNumbersOfEitherLength() async throws {
    for dispatch in [RPCDispatch.eventLoop, .shared] {
      let server = try await makeServer()
      for index in 0..<4 {
        let endpoint = Scripted()
        endpoint.askedBytes = { bytes, context in try context.reply(bytes + [UInt8(index)]) }
        try server.register("e\(index)", endpoint, on: dispatch)
      }
      let peer = try await makePeer(server)
      let count: UInt32 = 0x4000 + 40
      var definitions: [UInt8] = []
      for number in 0..<count { definitions += RawFrame.number(number, for: "e\(number % 4)") }
      try peer.send(definitions)
      let numbers = (UInt32(0)..<200).map { (step: UInt32) -> UInt32 in
        if step % 2 == 0 { return step }
        return count - 1 - step * 7 % 60
      }
      for _ in 0..<2 {
        // In one write, so that most is read together.
        var frames: [UInt8] = []
        for (step, number) in numbers.enumerated() { frames += RawFrame.request(Int64(step), to: number, [1, 9]) }
        try peer.send(frames)
        var answers: [Int64: [UInt8]] = [:]
        for _ in numbers {
          let answer = try await peer.next()
          answers[answer.id] = answer.body
        }
        for (step, number) in numbers.enumerated() {
          XCTAssertEqual(answers[Int64(step)], [1, 9, UInt8(number % 4)], "\(dispatch), \(number)")
        }
      }
      peer.reset()
    }
  }

  func testEndpointsThatStopWhileTheyAreFetchedAheadFailTheirMessagesOnly() async throws {
    let server = try await makeServer()
    var refs = try (0..<32).map { try server.register("e\($0)", Echo(), on: .eventLoop) }
    let peer = try await makePeer(server)
    for number in UInt32(0)..<32 { try peer.send(RawFrame.number(number, for: "e\(number)")) }
    for round in 0..<4 {
      var frames: [UInt8] = []
      for number in UInt32(0)..<32 { frames += RawFrame.request(Int64(number), to: number, [1, 5]) }
      try peer.send(frames)
      for _ in 0..<32 {
        let answer = try await peer.next()
        let lives = round == 0 || answer.id % 2 == 0 || round == 3
        XCTAssertEqual(answer.body == [1, 5], lives, "\(round), \(answer.id)")
      }
      if round == 0 { for index in stride(from: 1, to: 32, by: 2) { server.stop(refs[index]) } }
      if round == 2 {
        for index in stride(from: 1, to: 32, by: 2) {
          refs[index] = try server.register("e\(index)", Echo(), on: .eventLoop)
        }
      }
    }
  }

  // MARK: Peers that break the rules

  func testUnknownNumberFailsItsMessageOnly() async throws {
    let server = try await makeServer()
    try server.register("echo", Echo())
    let peer = try await makePeer(server)
    for number: UInt32 in [0, 1, 4096, 0x3FFF, 0x4000, 1 << 20] {
      try peer.send(RawFrame.oneWay(to: number, [1]) + RawFrame.request(7, to: number, [1]))
      let failure = try await peer.next()
      XCTAssertEqual(failure.kind, 5)
      XCTAssertEqual(failure.id, 7)
      XCTAssertTrue(failure.text.contains("\(number) stands for none"), failure.text)
    }
    XCTAssertEqual(server.undeliverableMessages, 6)
    // A body that ends within its number.
    try peer.send(RawFrame.response(1, []) + bytes(hex: "0000000000000016 03 0000000000000008 00000001 80"))
    let failure = try await peer.next()
    XCTAssertEqual(failure.kind, 5)
    try peer.send(RawFrame.number(0, for: "echo"))
    try await assertEchoes(peer, 0, 5)
  }

  func testEmptyContentBehindANumberFailsItsMessageOnly() async throws {
    for dispatch in Way.dispatches {
      let server = try await makeServer()
      try server.register("echo", Echo(), on: dispatch)
      let peer = try await makePeer(server)
      try peer.send(RawFrame.number(0, for: "echo"))
      for _ in 0..<2 {
        try peer.send(RawFrame.request(1, to: 0, []))
        let answer = try await peer.next()
        XCTAssertEqual(answer.body.first, Content.failure, "\(dispatch)")
      }
      try await assertEchoes(peer, 0, 5)
    }
  }

  func testHostileDefinitionsEndTheConnection() async throws {
    let server = try await makeServer()
    try server.register("echo", Echo())
    let long = String(repeating: "x", count: 60_000)
    let hostile: [(String, [UInt8])] = [
      ("a gap", RawFrame.number(1, for: "echo")),
      ("a number that no body can begin with", RawFrame.number(field: [0x80, 0], RawFrame.message("echo", []))),
      ("a small number in four bytes", RawFrame.number(field: [0xC0, 0, 0, 0], RawFrame.message("echo", []))),
      ("the greatest number", RawFrame.number(0x3FFF_FFFF, for: "echo")),
      ("nothing", RawFrame.number(0, [])),
      ("no envelope", RawFrame.number(0, [9, 9])),
      ("half an envelope", RawFrame.number(0, [0, 0, 0, 4, 65])),
      ("an envelope with content", RawFrame.number(0, [0, 0, 0, 1, 65, 1])),
      ("another number", RawFrame.number(0, [0x80, 0])),
      ("half a head", RawFrame.number(0, [0, 0, 0, 1, 65, 2])),
      ("half a name", RawFrame.number(0, [0, 0, 0, 1, 65, 2, 4, 65])),
      ("a head and a value", RawFrame.number(0, [0, 0, 0, 1, 65, 2, 1, 65, 0])),
      ("too many bytes", (0..<5).flatMap { RawFrame.number($0, for: long) }),
      ("too many bytes in the end", (0..<4).flatMap { RawFrame.number($0, for: long) } + RawFrame.number(4, for: long)),
      (
        "too many numbers",
        (0...UInt32(EnvelopeAllowance.small.count)).flatMap { RawFrame.number($0, for: "echo") }
      ),
      ("a frame without a number", bytes(hex: "000000000000000a 44 00")),
      ("a frame cut short", bytes(hex: "0000000000000010 44 0000 00000002 00")),
      ("a negative length", bytes(hex: "000000000000000f 44 0000 ffffffff")),
    ]
    // So that each gets a small table.
    for _ in 0..<EnvelopeAllowance.mostLarge { _ = server.envelopes.take() }
    for (what, frames) in hostile {
      let peer = try await makePeer(server, envelopes: EnvelopeAllowance.small)
      // It may be gone before all is sent.
      try? peer.send(frames)
      let hasEnded = try await peer.receivesNothingMore()
      XCTAssertTrue(hasEnded, what)
    }
    let peer = try await makePeer(server, envelopes: EnvelopeAllowance.small)
    try peer.send(RawFrame.number(0, for: "echo"))
    try await assertEchoes(peer, 0, 5)
  }

  func testStrangersCannotDefineNumbers() async throws {
    let server = try await makeServer()
    let peer = try RawSocket(port: server.port)
    try peer.send(RawFrame.number(0, for: "echo"))
    let hasEnded = try await peer.receivesNothingMore()
    XCTAssertTrue(hasEnded)
  }

  func testNumbersAreOfOneConnectionOnly() async throws {
    let server = try await makeServer()
    try server.register("echo", Echo())
    let (first, second) = (try await makePeer(server), try await makePeer(server))
    try first.send(RawFrame.number(0, for: "echo"))
    try await assertEchoes(first, 0, 5)
    try second.send(RawFrame.request(1, to: 0, [1, 5]))
    let failure = try await second.next()
    XCTAssertEqual(failure.kind, 5)
  }
}
