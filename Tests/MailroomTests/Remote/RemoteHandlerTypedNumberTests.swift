import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// What an environment makes of the numbers that its peers give to envelopes with the name of a type behind them.
final class RemoteHandlerTypedNumberTests: EnvironmentTestCase {
  func testTypedMessagesComeAsValuesOnly() async throws {
    for dispatch in Way.dispatches {
      let (peer, notes, noted) = try await makeEchoPeer(on: dispatch)
      try peer.send(
        RawFrame.number(0, for: "echo") + RawFrame.number(1, for: "echo", Note.self)
          + RawFrame.number(2, for: "echo", Say.self))
      // In runs and in turns, in large batches and alone, with raw bytes and whole names in between.
      var (frames, expected, answers): ([UInt8], [String], [Int64: [UInt8]]) = ([], [], [:])
      for step in 0..<300 {
        let text = "\(step)"
        switch step / 3 % 4 {
        case 0: frames += RawFrame.oneWay(to: 1, try RawFrame.value(Note(text: text)))
        case 1:
          frames += RawFrame.request(Int64(step), to: 2, try RawFrame.value(Say(text: text)))
          answers[Int64(step)] = [2] + Array(text.utf8)
        case 2:
          frames += RawFrame.request(Int64(step), to: 0, [1, 9])
          answers[Int64(step)] = [1, 9]
        default: frames += RawFrame.oneWay(to: 0, try RawFrame.typed(Note(text: text)))
        }
        if [0, 3].contains(step / 3 % 4) { expected.append(text) }
      }
      try peer.send(frames)
      for _ in 0..<answers.count {
        let answer = try await peer.next()
        let expected = answers.removeValue(forKey: answer.id) ?? []
        XCTAssertEqual(answer.body.first, expected.first, "\(dispatch)")
        XCTAssertEqual(answer.body.suffix(expected.count - 1), expected.dropFirst(), "\(dispatch)")
      }
      await noted.comes(expected.count)
      XCTAssertEqual(notes.value, expected, "\(dispatch)")
      // Alone, so that nothing is put together.
      try peer.send(RawFrame.request(1000, to: 2, try RawFrame.value(Say(text: "alone"))))
      let answer = try await peer.next()
      XCTAssertEqual(answer.body.suffix(5), ArraySlice("alone".utf8), "\(dispatch)")
    }
  }

  func testTypesThatNobodyHandlesAndValuesThatAreNoneFailTheirMessagesOnly() async throws {
    for dispatch in Way.dispatches {
      let server = try await makeServer()
      try server.register("echo", Echo(), on: dispatch)
      let peer = try await makePeer(server)
      // A note is no request, and a Total nothing at all.
      try peer.send(
        RawFrame.number(0, for: "echo", Note.self) + RawFrame.number(1, for: "echo", Total.self)
          + RawFrame.number(2, for: "echo", Say.self) + RawFrame.number(3, for: "nobody", Say.self))
      for round in 0..<2 {
        for (number, name, code): (UInt32, String, RPCError.Code) in [
          (0, "Note", .unsupportedMessage), (1, "Total", .unsupportedMessage), (2, "Say", .undecodable),
          (3, "nobody", .endpointNotFound),
        ] {
          try peer.send(RawFrame.request(Int64(number), to: number, [0xFF, 0xFF]))
          let answer = try await peer.next()
          var reader = RPCReader(answer.body.rawSpan.dropping(1), from: nil)
          let error = try Content.readFailure(&reader)
          assertIs(error, code, execution: .notExecuted, "\(dispatch), \(round)")
          XCTAssertTrue(error.message.contains(name), error.message)
        }
        // One-way messages of all of them harm nobody.
        for number in UInt32(0)..<4 { try peer.send(RawFrame.oneWay(to: number, [0xFF])) }
        try peer.send(RawFrame.request(9, to: 2, try RawFrame.value(Say(text: "well"))))
        let answer = try await peer.next()
        XCTAssertEqual(answer.body.suffix(4), ArraySlice("well".utf8), "\(dispatch)")
      }
      XCTAssertEqual(server.undeliverableMessages, 2)
    }
  }

  func testTypedNumberFindsTheEndpointThatIsRegisteredAgain() async throws {
    for dispatch in Way.dispatches {
      let server = try await makeServer()
      let peer = try await makePeer(server)
      try peer.send(RawFrame.number(0, for: "late", Say.self))
      for round in 0..<3 {
        try peer.send(RawFrame.request(1, to: 0, try RawFrame.value(Say(text: "early"))))
        let missing = try await peer.next()
        var reader = RPCReader(missing.body.rawSpan.dropping(1), from: nil)
        assertIs(try Content.readFailure(&reader), .endpointNotFound, execution: .notExecuted, "\(dispatch)")
        // Another type's handlers have another order.
        let ref =
          round % 2 == 0
          ? try server.register("late", Echo(), on: dispatch) : try server.register("late", Scripted(), on: dispatch)
        for _ in 0..<2 {
          try peer.send(RawFrame.request(1, to: 0, try RawFrame.value(Say(text: "late"))))
          let answer = try await peer.next()
          XCTAssertEqual(answer.body.suffix(4), ArraySlice("late".utf8), "\(dispatch)")
        }
        server.stop(ref)
      }
    }
  }

  func testTypedNumberCanStandForAnotherTypeOrEndpointLater() async throws {
    let server = try await makeServer()
    let echo = Echo()
    let (notes, noted) = (echo.notes, echo.noted)
    try server.register("echo", echo)
    try server.register("counter", Counter())
    let peer = try await makePeer(server)
    var frames: [UInt8] = []
    for step in 0..<30 {
      frames += RawFrame.number(0, for: "echo", Note.self)
      frames += RawFrame.oneWay(to: 0, try RawFrame.value(Note(text: "\(step)")))
      frames += RawFrame.number(0, for: "counter", Add.self)
      frames += RawFrame.oneWay(to: 0, try RawFrame.value(Add(2)))
      frames += RawFrame.number(0, for: "echo") + RawFrame.oneWay(to: 0, [1, 7])
    }
    frames += RawFrame.number(0, for: "counter", Total.self)
    frames += RawFrame.request(1, to: 0, try RawFrame.value(Total()))
    try peer.send(frames)
    let total = try await peer.next()
    XCTAssertEqual(total.body, [2] + (try RawFrame.value(of: Int64(60))))
    await noted.comes(60)
    XCTAssertEqual(notes.value, (0..<30).flatMap { ["\($0)", "[7]"] })
  }

  func testLookUpsAndIntroductionsBehindAHeadAreRefused() async throws {
    let server = try await makeServer()
    let peer = try await makePeer(server)
    try peer.send(
      RawFrame.number(0, for: Introduction.endpointName, Say.self)
        + RawFrame.number(1, for: RemoteHandler.verifierName, Say.self))
    var introduction = ByteWriter()
    Introduction(id: .random(), address: nil).appendRequest(to: &introduction)
    try peer.send(RawFrame.request(1, to: 0, introduction.array()))
    let first = try await peer.next()
    XCTAssertEqual(first.kind, 5)
    try peer.send(RawFrame.request(2, to: 1, JavaObjectStream.checkExistence(name: "echo")))
    let second = try await peer.next()
    XCTAssertEqual(second.id, 2)
    XCTAssertEqual(second.body.first, Content.failure, "there is no endpoint of that name")
  }
}
