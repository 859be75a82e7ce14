public import MailroomTransport

/// A value that can cross the wire: a message, a reply, or a part of one.
///
/// A `Codable` type conforms by saying so: it is then encoded by a compact, self-describing binary coder. A type on a hot
/// path implements both requirements by hand, which is several times faster and allocates nothing:
///
/// ```swift
/// struct Price: RPCValue {
///   var cents: Int64
///   func encode(into writer: inout RPCWriter) { writer.append(integer: cents) }
///   init(from reader: inout RPCReader) throws { cents = try reader.read(Int64.self) }
/// }
/// ```
///
/// Both ends must use the same form.
public protocol RPCValue: Sendable {
  /// Appends the value's bytes.
  ///
  /// - Throws: anything; the send or reply then fails with ``RPCError/Code/unencodable``.
  func encode(into writer: inout RPCWriter) throws

  /// Reads a value back. Must read exactly what `encode(into:)` wrote, because more may follow.
  ///
  /// - Throws: anything, for bytes that are no such value; the message then fails with ``RPCError/Code/undecodable``.
  init(from reader: inout RPCReader) throws
}

/// A message that can be sent to an endpoint.
public protocol RPCMessage: RPCValue {
  /// The name that stands for the type on the wire: the same at both ends, and stable between versions.
  ///
  /// By default the type's name without its module, so that two programs that both declare the type agree. Types of the same
  /// name that go to one endpoint need names of their own.
  static var messageName: String { get }
}

extension RPCMessage {
  /// The type's name without its module.
  public static var messageName: String { String(describing: Self.self) }
}

/// A message that is answered with a reply of a known type.
public protocol RPCRequest: RPCMessage {
  /// What the request is answered with.
  associatedtype Reply: RPCValue
}

/// The reply to a request that only wants to know that it was handled.
public struct RPCDone: RPCValue, Hashable {
  /// The only value.
  public init() {}
  /// Writes nothing.
  public func encode(into writer: inout RPCWriter) {}
  /// Reads nothing.
  public init(from reader: inout RPCReader) {}
}
