public import MailroomTransport

/// What tells one environment from every other one, wherever and whenever: 128 random bits.
///
/// Made anew for each ``RPCEnv``, so a process that was started again at the same address is another one.
public struct RPCEnvID: Hashable, Sendable, CustomStringConvertible {
  let high: UInt64
  let low: UInt64

  init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// A new one.
  static func random() -> RPCEnvID { RPCEnvID(high: .random(in: .min ... .max), low: .random(in: .min ... .max)) }

  /// 32 hexadecimal digits.
  public var description: String { Self.hex(high) + Self.hex(low) }

  private static func hex(_ word: UInt64) -> String {
    let digits = String(word, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}

extension RPCEnvID: RPCValue {
  /// Writes sixteen bytes.
  public func encode(into writer: inout RPCWriter) {
    writer.append(integer: high)
    writer.append(integer: low)
  }

  /// Reads sixteen bytes.
  public init(from reader: inout RPCReader) throws {
    self.init(high: try reader.read(UInt64.self), low: try reader.read(UInt64.self))
  }
}
