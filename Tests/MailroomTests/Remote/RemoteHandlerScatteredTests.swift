import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// Messages to changing endpoints, many in a read, so that each is served in a turn of its own.
final class RemoteHandlerScatteredTests: EnvironmentTestCase {
  private static let count = 24

  /// Suspends in the middle of each request, and notes when.
  private final class Pausing: RPCEndpoint {
    let log: Box<[String]>

    init(_ log: Box<[String]>) { self.log = log }

    static func handlers(_ on: inout RPCHandlers<Pausing>) {
      on.ask(Say.self) { endpoint, say async in
        endpoint.log.update { $0.append("begin") }
        await Task.yield()
        endpoint.log.update { $0.append("end") }
        return say.text
      }
      on.askBytes { endpoint, bytes, context in
        endpoint.log.update { $0 += ["begin", "end"] }
        try context.reply(bytes)
      }
    }
  }

  func testMessagesOfAllKindsAreServedInTheirOrder() async throws {
    for dispatch in Way.dispatches {
      let server = try await makeServer()
      var (notes, noted): ([Box<[String]>], [Signal]) = ([], [])
      var definitions: [UInt8] = []
      for index in 0..<Self.count {
        let echo = Echo()
        notes.append(echo.notes)
        noted.append(echo.noted)
        try server.register("e\(index)", echo, on: dispatch)
        let number = UInt32(3 * index)
        definitions +=
          RawFrame.number(number, for: "e\(index)") + RawFrame.number(number + 1, for: "e\(index)", Note.self)
        definitions += RawFrame.number(number + 2, for: "e\(index)", Say.self)
      }
      let peer = try await makePeer(server)
      try peer.send(definitions)
      for round in 0..<5 {
        // In one write, so that most is read together.
        var frames: [UInt8] = []
        for step in 0..<4 {
          for index in 0..<Self.count {
            let (number, id) = (UInt32(3 * index), Int64(step * Self.count + index))
            switch (step + round) % 4 {
            case 0: frames += RawFrame.oneWay(to: number, try RawFrame.typed(Note(text: "\(round) whole")))
            case 1: frames += RawFrame.request(id, to: number, [1, UInt8(index)])
            case 2: frames += RawFrame.oneWay(to: number + 1, try RawFrame.value(Note(text: "\(round) value")))
            default: frames += RawFrame.request(id, to: number + 2, try RawFrame.value(Say(text: "\(index)")))
            }
          }
        }
        try peer.send(frames)
        for _ in 0..<2 * Self.count {
          let answer = try await peer.next()
          let index = Int(answer.id) % Self.count
          let isRaw = (Int(answer.id) / Self.count + round) % 4 == 1
          XCTAssertEqual(answer.body.first, isRaw ? 1 : 2, "\(dispatch)")
          XCTAssertEqual(
            answer.body.suffix(isRaw ? 1 : "\(index)".utf8.count), isRaw ? [UInt8(index)] : Array("\(index)".utf8)[...])
        }
      }
      let expected = (0..<5).flatMap { round in
        (0..<4).compactMap { [0: "\(round) whole", 2: "\(round) value"][($0 + round) % 4] }
      }
      for index in 0..<Self.count {
        await noted[index].comes(expected.count)
        XCTAssertEqual(notes[index].value, expected, "\(dispatch)")
      }
    }
  }

  func testHandlersThatSuspendKeepTheirTurns() async throws {
    for dispatch in Way.dispatches {
      let server = try await makeServer()
      let logs = (0..<Self.count).map { _ in Box<[String]>([]) }
      var definitions: [UInt8] = []
      for (index, log) in logs.enumerated() {
        try server.register("e\(index)", Pausing(log), on: dispatch)
        definitions += RawFrame.number(UInt32(2 * index), for: "e\(index)")
        definitions += RawFrame.number(UInt32(2 * index + 1), for: "e\(index)", Say.self)
      }
      let peer = try await makePeer(server)
      try peer.send(definitions)
      for _ in 0..<4 {
        var frames: [UInt8] = []
        for step in 0..<4 {
          for index in 0..<Self.count {
            let (number, id) = (UInt32(2 * index), Int64(step * Self.count + index))
            frames +=
              step % 2 == 0
              ? RawFrame.request(id, to: number + 1, try RawFrame.value(Say(text: "1")))
              : RawFrame.request(id, to: number, [1, 9])
          }
        }
        try peer.send(frames)
        for _ in 0..<4 * Self.count {
          let answer = try await peer.next()
          XCTAssertEqual(answer.kind, 4, answer.text)
        }
      }
      for log in logs {
        XCTAssertEqual(log.value, (0..<32).map { $0 % 2 == 0 ? "begin" : "end" }, "\(dispatch)")
      }
    }
  }

  func testEndpointThatStopsItselfIsStoppedForTheNextMessage() async throws {
    let server = try await makeServer()
    var definitions: [UInt8] = []
    for index in 0..<Self.count {
      let endpoint = Scripted()
      let ref = Box<RPCEndpointRef?>(nil)
      endpoint.askedBytes = { [weak server] bytes, context in
        if bytes == [7], let ref = ref.value { server?.stop(ref) }
        try context.reply(bytes)
      }
      let made = try server.register("e\(index)", endpoint, on: .eventLoop)
      ref.update { $0 = made }
      definitions += RawFrame.number(UInt32(index), for: "e\(index)")
    }
    let peer = try await makePeer(server)
    try peer.send(definitions)
    for round in 0..<4 {
      var frames: [UInt8] = []
      for byte: UInt8 in round == 2 ? [7, 8] : [9] {
        for index in 0..<Self.count {
          frames += RawFrame.request(Int64(byte) * 100 + Int64(index), to: UInt32(index), [1, byte])
        }
      }
      try peer.send(frames)
      for _ in 0..<(round == 2 ? 2 : 1) * Self.count {
        let answer = try await peer.next()
        let byte = UInt8(answer.id / 100)
        let isServed = round < 2 || round == 2 && byte == 7
        XCTAssertEqual(answer.body == [1, byte], isServed, "\(round), \(byte)")
      }
    }
  }
}
