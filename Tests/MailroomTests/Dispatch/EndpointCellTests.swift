import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// What an endpoint makes of a message: its handler, or an error.
final class EndpointCellTests: EnvironmentTestCase {
  /// A cell of an endpoint that notes what happens to it.
  private struct Fixture {
    let cell: EndpointCell<Subject>
    let events = Box<[String]>([])
    let errors = Box<[RPCError]>([])

    init(_ env: RPCEnv) {
      let subject = Subject()
      let (events, errors) = (events, errors)
      subject.note = { events.append($0) }
      subject.failed = { error in
        errors.append(error as? RPCError ?? RPCError(.init(name: "another"), "\(error)"))
      }
      var handlers = RPCHandlers<Subject>()
      Subject.handlers(&handlers)
      cell = EndpointCell(subject, handlers, name: "test", env: env)
    }

    /// Delivers the bytes of a one-way message of another process; returns the error that the endpoint was told.
    func deliver(_ content: [UInt8]) -> RPCError? {
      let before = errors.value.count
      XCTAssertNil(cell.deliver(content.rawSpan, nil, from: nil))
      return errors.value.count > before ? errors.value.last : nil
    }

    /// Asks as the same environment does; returns how the ask ended, and the error that the endpoint was told.
    func ask<Request: RPCRequest>(_ request: Request) -> (Result<Request.Reply, RPCError>?, RPCError?) {
      let before = errors.value.count
      let ends = Box<[Result<Request.Reply, RPCError>]>([])
      do {
        let ask = CallbackAsk<Request.Reply>(from: nil) { ends.append($0) }
        XCTAssertNil(cell.deliver(LocalAsk(request, ask, sender: "test")))
      }
      XCTAssertEqual(ends.value.count, 1, "an ask ends once")
      return (ends.value.first, errors.value.count > before ? errors.value.last : nil)
    }

    func send<Message: RPCMessage>(_ message: Message) -> RPCError? {
      let before = errors.value.count
      XCTAssertNil(cell.deliver(LocalOneWay(message)))
      return errors.value.count > before ? errors.value.last : nil
    }

    /// Asks with raw bytes as the same environment does; returns how the ask ended.
    func ask(bytes: [UInt8], in env: RPCEnv) -> Result<[UInt8], RPCError>? {
      let ends = Box<[Result<[UInt8], RPCError>]>([])
      do {
        let ask = LocalBytesAsk(in: env, until: AskLimit(nil, env)) { ends.append($0.result) }
        cell.deliver(bytes, LocalBytesCall(ask))
      }
      XCTAssertEqual(ends.value.count, 1, "an ask ends once")
      return ends.value.first
    }
  }

  private func typed(_ name: String, _ value: [UInt8] = []) -> [UInt8] {
    [2, UInt8(name.utf8.count)] + Array(name.utf8) + value
  }

  // MARK: From afar

  func testMessageReachesTheHandlerOfItsName() async throws {
    let fixture = Fixture(try await makeClient())
    XCTAssertNil(fixture.deliver(typed("First", [7])))
    XCTAssertNil(fixture.deliver(typed("Second", [8])))
    XCTAssertNil(fixture.deliver(typed("First", [9])))
    XCTAssertNil(fixture.deliver([1, 2, 3]))
    XCTAssertNil(fixture.deliver([1]))
    XCTAssertEqual(fixture.events.value, ["first 7", "second 8", "first 9", "bytes [2, 3]", "bytes []"])
  }

  func testMessageWithoutAHandlerIsUnsupported() async throws {
    let fixture = Fixture(try await makeClient())
    for content in [typed("Third"), typed(""), typed("Firs"), typed("First2"), typed("Question", [1]), [2, 1, 0xFF]] {
      assertIs(fixture.deliver(content), .unsupportedMessage, execution: .notExecuted, "\(content)")
    }
    let error = fixture.deliver(typed("Third"))
    XCTAssertEqual(error?.message, "Subject has no handler for Third")
    assertIs(fixture.deliver(JavaObjectStream.boolean(true)), .unsupportedMessage, execution: .notExecuted)
    XCTAssertEqual(fixture.events.value, [])
  }

  func testContentThatIsNoneIsUndecodable() async throws {
    let fixture = Fixture(try await makeClient())
    for content in [[], [0], [3], [0x0F], [2], [2, 5, 65], [2, 0x80], [2] + [UInt8](repeating: 0xFF, count: 11)] {
      assertIs(fixture.deliver(content), .undecodable, execution: .notExecuted, "\(content)")
    }
    XCTAssertEqual(fixture.events.value, [])
  }

  func testPayloadThatIsNotTheTypeIsUndecodable() async throws {
    let fixture = Fixture(try await makeClient())
    assertIs(fixture.deliver(typed("First")), .undecodable, execution: .notExecuted)
    let trailing = fixture.deliver(typed("First", [1, 2, 3]))
    assertIs(trailing, .undecodable, execution: .notExecuted)
    XCTAssertTrue(trailing?.message.contains("2 bytes are left") ?? false, "\(trailing?.message ?? "")")
    let thrown = fixture.deliver(typed("First", [255]))
    assertIs(thrown, .undecodable, execution: .notExecuted)
    XCTAssertEqual(thrown?.cause as? Oops, Oops(description: "255 is too much"))
    XCTAssertEqual(fixture.events.value, [])
  }

  // MARK: Of the same environment

  func testLocalMessageReachesTheHandlerOfItsType() async throws {
    let env = try await makeClient()
    let fixture = Fixture(env)
    XCTAssertNil(fixture.send(First(7)))
    XCTAssertNil(fixture.send(Second(8)))
    fixture.cell.deliver([1])
    XCTAssertEqual(fixture.events.value, ["first 7", "second 8", "bytes [1]"])
    let (answer, error) = fixture.ask(Question(3))
    XCTAssertEqual(answer?.value, 6)
    XCTAssertNil(error)
    XCTAssertEqual(fixture.ask(bytes: [4, 5], in: env)?.value, [5, 4])
  }

  func testLocalMessageWithoutAHandlerIsUnsupported() async throws {
    let fixture = Fixture(try await makeClient())
    assertIs(fixture.send(Note(text: "")), .unsupportedMessage, execution: .notExecuted)
    // A request that is only sent is another message than one that is asked.
    assertIs(fixture.send(Question(1)), .unsupportedMessage, execution: .notExecuted)
    let (end, error) = fixture.ask(Say(text: ""))
    assertIs(end?.error, .unsupportedMessage, execution: .notExecuted)
    assertIs(error, .unsupportedMessage, execution: .notExecuted)
    XCTAssertEqual(end?.error?.message, "Subject has no handler for Say")
  }

  func testEndpointWithoutHandlersSupportsNothing() async throws {
    let env = try await makeClient()
    let errors = Box<[RPCError.Code]>([])
    let endpoint = Silent()
    endpoint.failed = { errors.append(($0 as? RPCError)?.code ?? .init(name: "another")) }
    let cell = EndpointCell(endpoint, RPCHandlers<Silent>(), name: "test", env: env)
    let raw: [UInt8] = [1]
    XCTAssertNil(cell.deliver(raw.rawSpan, nil, from: nil))
    cell.deliver(raw)
    let ends = Box<[Result<[UInt8], RPCError>]>([])
    cell.deliver(raw, LocalBytesCall(LocalBytesAsk(in: env, until: AskLimit(nil, env)) { ends.append($0.result) }))
    XCTAssertEqual(errors.value, [.unsupportedMessage, .unsupportedMessage, .unsupportedMessage])
  }

  func testErrorOfAHandlerReachesTheAskerAndTheEndpoint() async throws {
    let fixture = Fixture(try await makeClient())
    let (end, error) = fixture.ask(Question(0))
    assertIs(end?.error, .handlerFailed)
    XCTAssertEqual(end?.error?.message, "no question")
    XCTAssertEqual(error?.code.name, "another")
  }

  func testErrorBehindTheAnswerReachesTheEndpointOnly() async throws {
    let fixture = Fixture(try await makeClient())
    let (end, error) = fixture.ask(Question(100))
    XCTAssertEqual(end?.value, 100)
    XCTAssertEqual(error?.message, "after the answer")
    assertIs(fixture.ask(Question(101)).0?.error, .noReply)
  }

  // MARK: The end

  func testStoppedCellHasLetGoOfItsEndpoint() async throws {
    let env = try await makeClient()
    let freed = Box(0)
    let cell: EndpointCell<Subject>
    do {
      let subject = Subject()
      subject.freed = { freed.update { $0 += 1 } }
      cell = EndpointCell(subject, RPCHandlers<Subject>(), name: "test", env: env)
    }
    XCTAssertEqual(freed.value, 0)
    cell.stop()
    XCTAssertEqual(freed.value, 1)
    // Nothing comes behind the end; if it did, it would meet nobody.
    cell.stop()
    let raw: [UInt8] = [1]
    XCTAssertNil(cell.deliver(raw.rawSpan, nil, from: nil))
    XCTAssertNil(cell.deliver(LocalOneWay(First(1))))
  }

  // MARK: Tables of handlers

  func testLastHandlerOfATypeCounts() {
    var handlers = RPCHandlers<Subject>()
    handlers.receive(First.self) { subject, _ in subject.note("old") }
    handlers.receive(First.self) { subject, _ in subject.note("new") }
    XCTAssertEqual(handlers.messages.count, 1)
    XCTAssertEqual(handlers.duplicateNames, [])
    let events = Box<[String]>([])
    let subject = Subject()
    subject.note = { events.append($0) }
    XCTAssertNoThrow(try handlers.messages[0].run(subject, LocalOneWay(First(1))))
    XCTAssertEqual(events.value, ["new"])
  }

  func testTwoTypesOfOneNameAreNoted() {
    var handlers = RPCHandlers<Subject>()
    handlers.receive(First.self) { _, _ in }
    handlers.receive(Renamed.self) { _, _ in }
    XCTAssertEqual(handlers.duplicateNames, ["First"])
    // Messages and requests are told apart by how they come.
    var other = RPCHandlers<Subject>()
    other.receive(Question.self) { _, _ in }
    other.ask(Question.self) { _, _ in 0 }
    XCTAssertEqual(other.duplicateNames, [])
  }
}

// MARK: - Messages

/// One byte, of which 255 is refused.
private protocol Byte: RPCMessage {
  var byte: UInt8 { get }
  init(_ byte: UInt8)
}

extension Byte {
  func encode(into writer: inout RPCWriter) { writer.append(byte) }
  init(from reader: inout RPCReader) throws {
    let byte = try reader.readByte()
    if byte == 255 { throw Oops(description: "255 is too much") }
    self.init(byte)
  }
}

private struct First: Byte {
  let byte: UInt8
  init(_ byte: UInt8) { self.byte = byte }
}

private struct Second: Byte {
  let byte: UInt8
  init(_ byte: UInt8) { self.byte = byte }
}

/// Has another type's name on the wire.
private struct Renamed: Byte {
  static let messageName = "First"
  let byte: UInt8
  init(_ byte: UInt8) { self.byte = byte }
}

private struct Question: Byte, RPCRequest {
  typealias Reply = Int64
  let byte: UInt8
  init(_ byte: UInt8) { self.byte = byte }
}

private final class Subject: RPCEndpoint {
  var note: @Sendable (String) -> Void = { _ in }
  var failed: @Sendable (any Error) -> Void = { _ in }
  var freed: @Sendable () -> Void = {}

  deinit { freed() }

  func onError(_ error: any Error) { failed(error) }

  static func handlers(_ on: inout RPCHandlers<Subject>) {
    on.receive(First.self) { subject, first in subject.note("first \(first.byte)") }
    on.receive(Second.self) { subject, second in subject.note("second \(second.byte)") }
    on.ask(Question.self) { _, question, context in
      switch question.byte {
      case 0: throw Oops(description: "no question")
      case 100:
        try context.reply(100)
        throw Oops(description: "after the answer")
      case 101: break
      case let byte: try context.reply(Int64(byte) * 2)
      }
    }
    on.receiveBytes { subject, bytes in subject.note("bytes \(bytes.array())") }
    on.askBytes { _, bytes, context in try context.reply(Array(bytes.array().reversed())) }
  }
}

extension RPCBytesReply {
  /// A copy of the reply, or why there is none.
  fileprivate var result: Result<[UInt8], RPCError> {
    do throws(RPCError) { return .success(try bytes.array()) } catch { return .failure(error) }
  }
}

private final class Silent: RPCEndpoint {
  var failed: @Sendable (any Error) -> Void = { _ in }

  func onError(_ error: any Error) { failed(error) }

  static func handlers(_ on: inout RPCHandlers<Silent>) {}
}
