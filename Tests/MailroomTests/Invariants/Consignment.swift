import MailroomTransport
import TestSupport

@testable import Mailroom

/// A message that says who sent it and which one of his it is.
struct Consignment: RPCRequest, Codable {
  /// The number.
  typealias Reply = Int64

  /// What its handler does besides writing it down.
  enum Style: UInt8, Codable, CaseIterable {
    case plain, later, failing, silent, relayed
  }

  /// The sender of consignments that nobody counts.
  static let nobody: Int64 = -1

  var sender: Int64
  var number: Int64
  var style: Style
  var padding: Int32

  init(_ sender: Int64, _ number: Int, _ style: Style = .plain, padding: Int = 0) {
    self.sender = sender
    self.number = Int64(number)
    self.style = style
    self.padding = Int32(padding)
  }

  func encode(into writer: inout RPCWriter) {
    writer.append(integer: sender)
    writer.append(integer: number)
    writer.append(style.rawValue)
    writer.append(integer: padding)
    writer.append([UInt8](repeating: 0xAB, count: Int(padding)))
  }

  init(from reader: inout RPCReader) throws {
    sender = try reader.read(Int64.self)
    number = try reader.read(Int64.self)
    guard let style = Style(rawValue: try reader.readByte()) else { throw Oops(description: "no style") }
    self.style = style
    padding = try reader.read(Int32.self)
    let rest = try reader.readArray(count: Int(padding))
    guard rest.allSatisfy({ $0 == 0xAB }) else { throw Oops(description: "the padding is damaged") }
  }

  /// The consignment that raw bytes are.
  init(bytes: RawSpan) throws {
    var reader = RPCReader(bytes, from: nil)
    try self.init(from: &reader)
  }

  var bytes: [UInt8] {
    var writer = RPCWriter()
    encode(into: &writer)
    return writer.array()
  }
}

/// A consignment whose handler suspends; in the coder's form.
struct SlowConsignment: RPCRequest, Codable {
  typealias Reply = Int64

  var consignment: Consignment
}

/// A reference for an environment to keep, under a name.
struct Deposit: RPCRequest, Codable {
  typealias Reply = RPCDone

  var name: String
  var ref: RPCEndpointRef
}

/// Keeps references that it is sent.
final class Depository: RPCEndpoint {
  private let kept: Box<[String: RPCEndpointRef]>

  init(_ kept: Box<[String: RPCEndpointRef]>) { self.kept = kept }

  static func handlers(_ on: inout RPCHandlers<Depository>) {
    on.ask(Deposit.self) { depository, deposit in
      depository.kept.update { $0[deposit.name] = deposit.ref }
      return RPCDone()
    }
  }
}
