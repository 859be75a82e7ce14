import Mailroom
import TestSupport

struct Say: RPCRequest, RPCMessage, Codable, Equatable {
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

extension RPCEnv {
  /// The URI of an endpoint of this environment, for others.
  func uri(_ name: String) -> String { "rpc://\(name)@\(address?.hostPort ?? "no address")" }
}
