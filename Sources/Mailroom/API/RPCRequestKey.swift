public import MailroomTransport

/// What tells one request from every other one, over all attempts to make it: 128 random bits.
///
/// The receiver of a request that is asked with retries finds it in ``RPCCallContext/requestKey``; who remembers the keys it has
/// handled executes nothing twice.
public struct RPCRequestKey: Hashable, Sendable, CustomStringConvertible {
  private let bits: RandomBits

  private init(_ bits: RandomBits) { self.bits = bits }

  /// A new one.
  static func random() -> RPCRequestKey { RPCRequestKey(.random()) }

  /// 32 hexadecimal digits.
  public var description: String { bits.description }
}

extension RPCRequestKey: RPCValue {
  /// Writes sixteen bytes.
  public func encode(into writer: inout RPCWriter) { bits.encode(into: &writer) }
  /// Reads sixteen bytes.
  public init(from reader: inout RPCReader) throws { self.init(try RandomBits(from: &reader)) }
}
