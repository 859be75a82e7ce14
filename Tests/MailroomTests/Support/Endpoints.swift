import Mailroom
import TestSupport

struct Say: RPCRequest, Codable, Equatable {
  typealias Reply = String
  var text: String
}

struct Note: RPCMessage, Codable, Equatable {
  var text: String
}

/// Counts by hand-written coding.
struct Add: RPCMessage {
  var amount: Int64

  init(_ amount: Int64) { self.amount = amount }
  func encode(into writer: inout RPCWriter) { writer.append(integer: amount) }
  init(from reader: inout RPCReader) throws { amount = try reader.read(Int64.self) }
}

struct Total: RPCRequest, Codable {
  typealias Reply = Int64
}

/// An error as a program would have it.
struct Oops: Error, Equatable, CustomStringConvertible {
  var description = "Oops"
}

/// Answers what it is told, keeps what it is sent.
final class Echo: RPCEndpoint {
  let notes = Box<[String]>([])
  let noted = Signal("a note")

  static func handlers(_ on: inout RPCHandlers<Echo>) {
    on.ask(Say.self) { _, say in say.text }
    on.receive(Note.self) { echo, note in
      echo.notes.append(note.text)
      echo.noted.fire()
    }
    on.receiveBytes { echo, bytes in
      echo.notes.append("\(bytes.array())")
      echo.noted.fire()
    }
    on.askBytes { _, bytes, context in try context.reply(bytes) }
  }
}

/// Adds up in a plain field, which only a serial endpoint may do.
final class Counter: RPCEndpoint {
  private var total: Int64 = 0

  static func handlers(_ on: inout RPCHandlers<Counter>) {
    on.receive(Add.self) { counter, add in counter.total += add.amount }
    on.ask(Total.self) { counter, _ in counter.total }
  }
}

/// An endpoint that does what a test tells it to.
final class Scripted: RPCEndpoint {
  var started: @Sendable (Scripted, RPCEndpointRef) throws -> Void = { _, _ in }
  var stopped: @Sendable (Scripted) throws -> Void = { _ in }
  var noted: @Sendable (Scripted, Note) throws -> Void = { _, _ in }
  var asked: @Sendable (Say, RPCCallContext<String>) throws -> Void = { say, context in try context.reply(say.text) }
  var askedBytes: @Sendable ([UInt8], RPCBytesCallContext) throws -> Void = { bytes, context in
    try context.reply(bytes)
  }
  var failed: @Sendable (any Error) -> Void = { _ in }
  /// Runs when the object goes away.
  var freed: @Sendable () -> Void = {}
  /// Whatever a script keeps.
  var me: RPCEndpointRef?

  deinit { freed() }

  func onStart(_ me: RPCEndpointRef) throws { try started(self, me) }
  func onStop() throws { try stopped(self) }
  func onError(_ error: any Error) { failed(error) }

  static func handlers(_ on: inout RPCHandlers<Scripted>) {
    on.receive(Note.self) { endpoint, note in try endpoint.noted(endpoint, note) }
    on.ask(Say.self) { endpoint, say, context in try endpoint.asked(say, context) }
    on.askBytes { endpoint, bytes, context in try endpoint.askedBytes(bytes.array(), context) }
  }

  /// An endpoint that answers a ``Say`` as `asked` says.
  static func answering(
    _ asked: @escaping @Sendable (Say, RPCCallContext<String>) throws -> Void
  ) -> sending Scripted {
    let endpoint = Scripted()
    endpoint.asked = asked
    return endpoint
  }
}

/// Takes a reference along.
struct SentReference: RPCMessage, Codable {
  var ref: RPCEndpointRef
}

/// Hands out the references that it is sent.
final class ReferenceKeeper: RPCEndpoint {
  let refs: Results<RPCEndpointRef>

  init(_ refs: Results<RPCEndpointRef>) { self.refs = refs }

  static func handlers(_ on: inout RPCHandlers<ReferenceKeeper>) {
    on.receive(SentReference.self) { keeper, keep in keeper.refs.add(keep.ref) }
  }
}
