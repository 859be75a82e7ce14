import MailroomQueue
import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// What messages that have a turn of their own find of those before them, for other endpoints and for such as have stopped.
final class RemoteHandlerAloneOrderTests: ScatteredTestCase {
  // MARK: Endpoints elsewhere

  func testWhatWaitsForAnotherEndpointIsPostedBeforeAMessageIsServed() async throws {
    let server = try await makeServer()
    let (log, there) = (Box<[String]>([]), Results<String>("a note elsewhere"))
    let elsewhere = Scripted()
    elsewhere.noted = { _, note in there.add(note.text) }
    let ref = try server.register("elsewhere", elsewhere)
    // What a handler sends is behind what was read before.
    try register(server, log) { text in
      if !["first", "again", "by name"].contains(text) { try ref.send(Note(text: "effect \(text)")) }
    }
    let driven = try await makeDriven(server)
    try await driven.run { handler in
      let number = Self.count
      try Self.scatter(
        handler,
        RawFrame.number(number, for: "elsewhere") + RawFrame.number(number + 1, for: "elsewhere", Note.self)
          + RawFrame.number(number + 2, for: "elsewhere", Say.self))
      for index in 0..<Self.count {
        for step in 0...Int(index % 3) {
          let note = Note(text: "cause \(index) \(step)")
          if (Int(index) + step) % 2 == 0 {
            try handler.take(RawFrame.oneWay(to: number, try RawFrame.typed(note)))
          } else {
            try handler.take(RawFrame.oneWay(to: number + 1, try RawFrame.value(note)))
          }
          XCTAssertEqual(handler.waiting.value.batch.count, 1 + step)
        }
        if index % 2 == 0 {
          try Self.serve(Self.note("\(index)", to: index), handler, log, "e\(index) \(index)")
        } else {
          try Self.serve(
            RawFrame.request(Int64(index), to: index, [1, UInt8(index)]), handler, log, "e\(index) [\(index)]")
        }
        XCTAssertEqual(handler.waiting.value.batch.count, 0)
      }
      handler.connectionDidReadBatch()
    }
    let expected = (0..<Int(Self.count)).flatMap { index in
      (0...index % 3).map { "cause \(index) \($0)" } + ["effect \(index % 2 == 0 ? "\(index)" : "[\(index)]")"]
    }
    let seen = await there.next(expected.count)
    XCTAssertEqual(seen, expected)
    let answers = try await driven.answers(Int(Self.count) / 2)
    XCTAssertEqual(answers.map(\.id), stride(from: 1, to: Int64(Self.count), by: 2).map { $0 })
  }

  func testMessagesOfOneEndpointKeepTheirOrderBehindSomeThatAreQueued() async throws {
    let server = try await makeServer()
    let log = Box<[String]>([])
    let refs = try register(server, log)
    let driven = try await makeDriven(server)
    let before = try await driven.run { handler in
      try Self.scatter(handler)
      let count = log.value.count
      // Queued, so that no turn of its own is to be had for what comes behind it.
      for index in 0..<Int(Self.count) { try refs[index].send(Note(text: "queued")) }
      for number in 0..<Self.count {
        try handler.take(Self.note("one", to: number))
        try handler.take(RawFrame.request(Int64(number), to: number, [1, 2]))
      }
      XCTAssertEqual(log.value.count, count, "nothing has overtaken what is queued")
      handler.connectionDidReadBatch()
      return count
    }
    let answers = try await driven.answers(Int(Self.count))
    XCTAssertEqual(answers.map(\.id), (0..<Int64(Self.count)).map { $0 })
    for number in 0..<Self.count {
      let mine = log.value.dropFirst(before).filter { $0.hasPrefix("e\(number) ") }
      XCTAssertEqual(mine, ["queued", "one", "[2]"].map { "e\(number) \($0)" })
    }
    // Nothing is queued any more, and they are served at once again.
    try await driven.run { handler in
      for number in 0..<Self.count {
        try Self.serve(Self.note("at once", to: number), handler, log, "e\(number) at once")
      }
      handler.connectionDidReadBatch()
    }
  }

  // MARK: Stopped endpoints

  func testMessagesForStoppedEndpointsAreDeadLettersAndFailures() async throws {
    let letters = Results<RPCDeadLetter>("a dead letter")
    var configuration = RPCConfiguration()
    configuration.onDeadLetter = { letters.add($0) }
    let server = try await makeServer(configuration)
    let log = Box<[String]>([])
    let mine = Box<[RPCEndpointRef]>([])
    let refs = try register(server, log) { text in
      // One that stops itself within its turn, and one that stops another.
      if text == "stop me" { server.stop(mine.value[2]) }
      if text == "stop another" { server.stop(mine.value[4]) }
    }
    mine.update { $0 = refs }
    let driven = try await makeDriven(server)
    try await driven.run { handler in
      try Self.scatter(handler)
      server.stop(refs[1])
      try Self.serve(Self.note("stop me", to: 2), handler, log, "e2 stop me")
      try Self.serve(Self.note("stop another", to: 3), handler, log, "e3 stop another")
      let count = log.value.count
      for number: UInt32 in [1, 2, 4] {
        try handler.take(Self.note("late", to: number))
        try handler.take(RawFrame.request(Int64(number), to: number, [1, 1]))
      }
      XCTAssertEqual(log.value.count, count, "nobody handles anything behind its stop")
      try Self.serve(RawFrame.request(5, to: 5, [1, 1]), handler, log, "e5 [1]")
      handler.connectionDidReadBatch()
    }
    let answers = try await driven.answers(4)
    XCTAssertEqual(answers.map(\.id), [1, 2, 4, 5])
    for answer in answers.prefix(3) { assertIs(answer.error, .endpointNotFound, execution: .notExecuted) }
    XCTAssertEqual(answers[3].body, [1, 1])
    let seen = await letters.next(3)
    XCTAssertEqual(seen.map(\.endpoint), ["e1", "e2", "e4"])
    XCTAssertEqual(seen.map(\.count), [1, 1, 1])
    XCTAssertEqual(server.undeliverableMessages, 3)
    // Turns for that were owed when the batch had ended.
    try await driven.run { _ in
      XCTAssertEqual(log.value.filter { $0.hasSuffix("stops") }.sorted(), ["e1 stops", "e2 stops", "e4 stops"])
    }
    mine.update { $0 = [] }
  }

  func testWhatWaitsForAnEndpointThatStopsIsRefusedBeforeAMessageIsServed() async throws {
    let letters = Results<RPCDeadLetter>("a dead letter")
    var configuration = RPCConfiguration()
    configuration.onDeadLetter = { letters.add($0) }
    let server = try await makeServer(configuration)
    let log = Box<[String]>([])
    try register(server, log)
    let elsewhere = try server.register("elsewhere", Echo())
    let driven = try await makeDriven(server)
    try await driven.run { handler in
      try Self.scatter(handler, besides: "elsewhere")
      try handler.take(Self.note("0", to: Self.count) + RawFrame.request(7, to: Self.count, [1, 1]))
      try handler.take(Self.note("2", to: Self.count))
      XCTAssertEqual(handler.waiting.value.batch.count, 3)
      server.stop(elsewhere)
      try Self.serve(RawFrame.request(8, to: 0, [1, 8]), handler, log, "e0 [8]")
      XCTAssertEqual(handler.waiting.value.batch.count, 0)
      try handler.take(RawFrame.request(9, to: Self.count, [1, 9]))
      handler.connectionDidReadBatch()
    }
    let answers = try await driven.answers(3)
    XCTAssertEqual(answers.map(\.id), [7, 8, 9])
    assertIs(answers[0].error, .endpointStopped, execution: .notExecuted)
    XCTAssertEqual(answers[1].body, [1, 8])
    assertIs(answers[2].error, .endpointNotFound, execution: .notExecuted)
    let seen = await letters.next()
    XCTAssertEqual(seen.map(\.count), [2])
    XCTAssertEqual(seen.map(\.endpoint), ["elsewhere"])
    assertIs(seen.first?.error, .endpointStopped, execution: .notExecuted)
  }

  func testEndpointThatIsStoppedAsWaitingMessagesAreLostHandlesNothingMore() async throws {
    let mine = Box<[RPCEndpointRef]>([])
    var configuration = RPCConfiguration()
    // Runs on the loop, while a message of the first endpoint is about to be served.
    configuration.onDeadLetter = { letter in
      if letter.endpoint == "elsewhere", let ref = mine.value.first { ref.env.stop(ref) }
    }
    let server = try await makeServer(configuration)
    let log = Box<[String]>([])
    let refs = try register(server, log)
    mine.update { $0 = refs }
    let elsewhere = try server.register("elsewhere", Echo())
    let driven = try await makeDriven(server)
    try await driven.run { handler in
      try Self.scatter(handler, besides: "elsewhere")
      try handler.take(Self.note("waits", to: Self.count))
      XCTAssertEqual(handler.waiting.value.batch.count, 1)
      server.stop(elsewhere)
      let count = log.value.count
      try handler.take(RawFrame.request(1, to: 0, [1, 1]))
      XCTAssertEqual(log.value.count, count, "a stopped endpoint has handled a message")
      try Self.serve(RawFrame.request(2, to: 1, [1, 2]), handler, log, "e1 [2]")
      handler.connectionDidReadBatch()
    }
    let answers = try await driven.answers(2)
    XCTAssertEqual(answers.map(\.id), [1, 2])
    assertIs(answers[0].error, .endpointNotFound, execution: .notExecuted)
    XCTAssertEqual(answers[1].body, [1, 2])
    mine.update { $0 = [] }
  }
}
