public import MailroomTransport

/// What tells one environment from every other one, wherever and whenever: 128 random bits.
///
/// Made anew for each ``RPCEnv``, so a process that was started again at the same address is another one.
public struct RPCEnvID: Hashable, Sendable, CustomStringConvertible {
  private let bits: RandomBits

  private init(_ bits: RandomBits) { self.bits = bits }

  /// One that has come from elsewhere.
  init(high: UInt64, low: UInt64) { self.init(RandomBits(high: high, low: low)) }

  /// A new one.
  static func random() -> RPCEnvID { RPCEnvID(.random()) }

  /// The first half.
  var high: UInt64 { bits.high }
  /// The second half.
  var low: UInt64 { bits.low }

  /// 32 hexadecimal digits.
  public var description: String { bits.description }
}

extension RPCEnvID: RPCValue {
  /// Writes sixteen bytes.
  public func encode(into writer: inout RPCWriter) { bits.encode(into: &writer) }
  /// Reads sixteen bytes.
  public init(from reader: inout RPCReader) throws { self.init(try RandomBits(from: &reader)) }
}
