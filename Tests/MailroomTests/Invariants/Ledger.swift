import TestSupport

@testable import Mailroom

/// What several endpoints were sent, and over which connections, as far as they are told.
final class Ledger: Sendable {
  struct Entry: Sendable {
    /// Which object; one that is being stopped may still be busy when the next of its name begins.
    let endpoint: String
    let sender: Int64
    let number: Int64
    /// Nil for a one-way message.
    let peer: RemotePeer?
  }

  private let entries = Box<[Entry]>([])
  private let clerks = Box(0)

  /// A name of its own for another object of this one.
  func begin(_ name: String) -> String {
    var number = 0
    clerks.update { clerks in
      number = clerks
      clerks += 1
    }
    return "\(name)#\(number)"
  }

  func add(_ entry: Entry) { entries.append(entry) }

  /// How often each number of each sender came.
  var delivered: [Int64: [Int64: Int]] {
    entries.value.reduce(into: [:]) { $0[$1.sender, default: [:]][$1.number, default: 0] += 1 }
  }

  /// Where a sender's numbers went back that came to one endpoint over one connection.
  func violations(of sender: Int64) -> [String] {
    var last: [String: Int64] = [:]
    var violations: [String] = []
    for entry in entries.value where entry.sender == sender {
      guard let peer = entry.peer else { continue }
      let way = "\(ObjectIdentifier(peer)) \(entry.endpoint)"
      if let before = last[way], entry.number <= before {
        violations.append("\(entry.number) came behind \(before) to \(entry.endpoint), over one connection")
      }
      last[way] = entry.number
    }
    return violations
  }
}

/// Writes down what comes, and answers at once.
final class Clerk: RPCEndpoint {
  private let name: String
  private let ledger: Ledger

  init(_ name: String, _ ledger: Ledger) {
    self.ledger = ledger
    self.name = ledger.begin(name)
  }

  private func take(_ consignment: Consignment, from peer: RemotePeer?) {
    ledger.add(Ledger.Entry(endpoint: name, sender: consignment.sender, number: consignment.number, peer: peer))
  }

  static func handlers(_ on: inout RPCHandlers<Clerk>) {
    on.receive(Consignment.self) { clerk, consignment in clerk.take(consignment, from: nil) }
    on.receiveBytes { clerk, bytes in clerk.take(try Consignment(bytes: bytes), from: nil) }
    on.ask(Consignment.self) { clerk, consignment, context in
      if case .remote(let call) = context.call { clerk.take(consignment, from: call.peer) }
      try context.reply(consignment.number)
    }
    on.askBytes { clerk, bytes, context in
      clerk.take(try Consignment(bytes: bytes), from: context.remote?.peer)
      try context.reply(bytes)
    }
  }
}
