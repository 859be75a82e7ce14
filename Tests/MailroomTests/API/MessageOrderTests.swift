import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// What one thread sends arrives in the order sent, messages and requests in one sequence.
final class MessageOrderTests: EnvironmentTestCase {
  func testMessagesAndRequestsOfEachSenderArriveInOrder() async throws {
    try await inEveryWay { way in
      let ref = try await way.register("sequence", Sequence())
      let (senders, count) = (6, 300)
      let answered = Results<Int64>("an answer")
      try await fromThreads(senders) { sender in
        for number in 0..<count {
          let item = Item(sender: Int64(sender), number: Int64(number))
          // Typed and raw, sent and asked, in turns that differ between the senders.
          switch (number * (sender + 3)) % 7 {
          case 0: ref.ask(item) { answered.add($0.value ?? -1) }
          case 1:
            ref.ask(bytes: item.bytes.rawSpan) { answered.add((try? $0.bytes.byte(at: 0)).map { _ in 0 } ?? -1) }
          case 2: try ref.send(bytes: item.bytes)
          default: try ref.send(item)
          }
        }
      }
      let seen = try await ref.ask(WhatCame())
      XCTAssertEqual(seen.count, senders * count, "\(way)")
      for sender in 0..<senders {
        let numbers = seen.filter { $0.sender == sender }.map(\.number)
        XCTAssertEqual(numbers, (0..<Int64(count)).map { $0 }, "\(way), sender \(sender)")
      }
      XCTAssertFalse(answered.values.contains(-1), "\(way)")
    }
  }

  func testOrderHoldsFromTheFirstMessageOfAConnection() async throws {
    for dispatch in Way.dispatches {
      let server = try await makeServer()
      try server.register("sequence", Sequence(), on: dispatch)
      for round in 0..<10 {
        // Each time a new environment, and a reference that was not looked up: messages wait while it connects, and
        // overtake nothing when it has.
        let client = try await makeClient()
        let ref = try client.remoteRef(name: "sequence", address: XCTUnwrap(server.address))
        ref.ask(Forget()) { _ in }
        for number in 0..<200 {
          let item = Item(sender: 0, number: Int64(number))
          if number % 3 == 0 { ref.ask(item) { _ in } } else { try ref.send(item) }
        }
        let seen = try await ref.ask(WhatCame())
        XCTAssertEqual(seen.map(\.number), (0..<200).map { $0 }, "\(dispatch), round \(round)")
        await client.shutdown()
      }
    }
  }

  func testOrderHoldsForWhatTheEventLoopSends() async throws {
    try await inEveryWay { way in
      let ref = try await way.register("sequence", Sequence())
      let done = Signal("the last answer")
      // The callback runs on the event loop when the endpoint is remote: there messages go straight to the connection.
      ref.ask(Forget()) { _ in
        for number in 0..<500 {
          let item = Item(sender: 0, number: Int64(number))
          if number % 5 == 0 { ref.ask(item) { _ in } } else { try? ref.send(item) }
        }
        ref.ask(Item(sender: 0, number: 500)) { _ in done.fire() }
      }
      await done.comes()
      let seen = try await ref.ask(WhatCame())
      XCTAssertEqual(seen.map(\.number), (0...500).map { $0 }, "\(way)")
    }
  }

  func testAnswerArrivesBehindWhatItsHandlerHasSentTheSameWayBefore() async throws {
    for dispatch in Way.dispatches {
      let (server, client) = (try await makeServer(), try await makeClient())
      let seen = Results<String>("a note or an answer")
      let mine = Scripted()
      mine.noted = { _, note in seen.add("note \(note.text)") }
      let refs = Results<RPCEndpointRef>("a reference")
      try server.register("keeper", ReferenceKeeper(refs))
      let keeper = try await client.endpointRef(server.uri("keeper"))
      try keeper.send(SentReference(ref: try client.register("mine", mine, on: .eventLoop)))
      let back = await refs.next()[0]
      let teller = Scripted.answering { say, context in
        try back.send(Note(text: say.text))
        try context.reply(say.text)
      }
      try server.register("teller", teller, on: dispatch)
      let ref = try await client.endpointRef(server.uri("teller"))
      // One after the other: each answer is alone.
      for number in 0..<200 {
        ref.ask(Say(text: "\(number)")) { _ in seen.add("answer \(number)") }
        _ = await seen.next(2)
      }
      XCTAssertEqual(seen.values, (0..<200).flatMap { ["note \($0)", "answer \($0)"] }, "\(dispatch)")
      refs.clear()
    }
  }

  func testRepliesToOneConnectionMayOvertakeEachOtherButEachFindsItsAsker() async throws {
    let (server, client) = (try await makeServer(), try await makeClient())
    let contexts = Results<RPCCallContext<String>>("a call")
    try server.register("slow", Scripted.answering { _, context in contexts.add(context) })
    let ref = try await client.endpointRef(server.uri("slow"))
    let replies = Box<[String: String]>([:])
    let done = Signal("a reply")
    for index in 0..<50 {
      ref.ask(Say(text: "\(index)")) { result in
        replies.update { $0["\(index)"] = result.value }
        done.fire()
      }
    }
    let calls = await contexts.next(50)
    for (index, call) in calls.enumerated().reversed() { try call.reply("answer \(index)") }
    await done.comes(50)
    XCTAssertEqual(replies.value, Dictionary(uniqueKeysWithValues: (0..<50).map { ("\($0)", "answer \($0)") }))
  }
}

private struct Item: RPCRequest, Equatable {
  typealias Reply = Int64
  let sender: Int64
  let number: Int64

  init(sender: Int64, number: Int64) { (self.sender, self.number) = (sender, number) }

  init(from reader: inout RPCReader) throws {
    sender = try reader.read(Int64.self)
    number = try reader.read(Int64.self)
  }

  func encode(into writer: inout RPCWriter) {
    writer.append(integer: sender)
    writer.append(integer: number)
  }

  var bytes: [UInt8] {
    var writer = RPCWriter()
    encode(into: &writer)
    return writer.array()
  }
}

private struct WhatCame: RPCRequest, Codable {
  typealias Reply = [Item]
}

private struct Forget: RPCRequest, Codable {
  typealias Reply = RPCDone
}

/// Keeps what comes, in order, in a plain array.
private final class Sequence: RPCEndpoint {
  private var items: [Item] = []

  private func add(_ bytes: RawSpan) throws {
    var reader = ByteReader(bytes)
    items.append(Item(sender: try reader.read(Int64.self), number: try reader.read(Int64.self)))
  }

  static func handlers(_ on: inout RPCHandlers<Sequence>) {
    on.receive(Item.self) { sequence, item in sequence.items.append(item) }
    on.ask(Item.self) { sequence, item in
      sequence.items.append(item)
      return item.number
    }
    on.receiveBytes { sequence, bytes in try sequence.add(bytes) }
    on.askBytes { sequence, bytes, context in
      try sequence.add(bytes)
      try context.reply(bytes)
    }
    on.ask(WhatCame.self) { sequence, _ in sequence.items }
    on.ask(Forget.self) { sequence, _ in
      sequence.items = []
      return RPCDone()
    }
  }
}
