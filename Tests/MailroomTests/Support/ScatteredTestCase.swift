import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// A test of messages to changing endpoints, handed over on the loop, so that nothing is left to how they are read.
class ScatteredTestCase: EnvironmentTestCase {
  /// How many writers there are: enough for messages to them to count as scattered.
  static let count: UInt32 = 12

  /// Registers the writers e0 and so on, on the event loop.
  @discardableResult
  func register(
    _ server: RPCEnv, _ log: Box<[String]>, onMessage: @escaping @Sendable (String) throws -> Void = { _ in }
  ) throws -> [RPCEndpointRef] {
    try (0..<Self.count).map {
      try server.register("e\($0)", Writer("e\($0)", log, onMessage: onMessage), on: .eventLoop)
    }
  }

  /// The writers of a server with their log, and a handler to be driven on its loop.
  func makeWriters() async throws -> (log: Box<[String]>, driven: DrivenHandler) {
    let server = try await makeServer()
    let log = Box<[String]>([])
    try register(server, log)
    return (log, try await makeDriven(server))
  }

  /// A note, behind a number that stands for a name.
  static func note(_ text: String, to number: UInt32) throws -> [UInt8] {
    RawFrame.oneWay(to: number, try RawFrame.typed(Note(text: text)))
  }

  /// Gives the writers their numbers from 0 on, and has one batch go to all of them, so that the next one is scattered.
  ///
  /// - Parameter more: what else comes before that batch.
  static func scatter(_ handler: RemoteHandler, _ more: [UInt8] = []) throws {
    try handler.take((0..<count).flatMap { RawFrame.number($0, for: "e\($0)") } + more)
    handler.connectionDidReadBatch()
    // The first message behind each number finds its endpoint.
    for number in 0..<count { try takeAlone(note("first", to: number), handler) }
    for number in 0..<count { try handler.take(note("again", to: number)) }
    // By name, so that no number is known as the last one's, which is served as in a run.
    try handler.take(RawFrame.oneWay(to: "e0", try RawFrame.typed(Note(text: "by name"))))
    handler.connectionDidReadBatch()
    XCTAssertTrue(handler.isScattered)
  }

  /// As ``scatter(_:_:)``, with the number behind those of the writers for an endpoint elsewhere, which was found.
  static func scatter(_ handler: RemoteHandler, besides name: String) throws {
    try scatter(handler, RawFrame.number(count, for: name) + RawFrame.oneWay(to: count, [1, 0]))
  }

  /// Hands over what is all that is read at a time.
  static func takeAlone(_ frame: [UInt8], _ handler: RemoteHandler) throws {
    try handler.take(frame)
    handler.connectionDidReadBatch()
    XCTAssertFalse(handler.isScattered)
  }

  /// Hands over one frame, which is to be served at once, in a turn that is over then.
  static func serve(
    _ frame: [UInt8], _ handler: RemoteHandler, _ log: Box<[String]>, _ expected: String,
    file: StaticString = #filePath, line: UInt = #line
  ) throws {
    let count = log.value.count
    try handler.take(frame)
    XCTAssertEqual(Array(log.value.dropFirst(count)), [expected], file: file, line: line)
    XCTAssertFalse(handler.holdsTurn, "the turn for \(expected) goes on", file: file, line: line)
  }
}

/// Writes down what is handled, in a log of several endpoints.
final class Writer: RPCEndpoint {
  let name: String
  let log: Box<[String]>
  /// Runs in every handler.
  let onMessage: @Sendable (String) throws -> Void

  init(_ name: String, _ log: Box<[String]>, onMessage: @escaping @Sendable (String) throws -> Void = { _ in }) {
    self.name = name
    self.log = log
    self.onMessage = onMessage
  }

  func onStop() { log.append("\(name) stops") }

  private func take(_ text: String) throws {
    log.append("\(name) \(text)")
    try onMessage(text)
  }

  static func handlers(_ on: inout RPCHandlers<Writer>) {
    on.receive(Note.self) { writer, note in try writer.take(note.text) }
    on.receiveBytes { writer, bytes in try writer.take("\(bytes.array())") }
    on.ask(Say.self) { writer, say in
      try writer.take(say.text)
      return say.text
    }
    on.askBytes { writer, bytes, context in
      try writer.take("\(bytes.array())\(context.remote?.key == nil ? "" : " keyed")")
      try context.reply(bytes)
    }
  }
}
