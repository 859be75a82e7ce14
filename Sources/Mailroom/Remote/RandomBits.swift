internal import MailroomTransport

/// 128 random bits: enough to tell what they are made for from everything else, wherever and whenever.
struct RandomBits: Hashable, Sendable, CustomStringConvertible {
  let high: UInt64
  let low: UInt64

  /// New ones.
  static func random() -> RandomBits { RandomBits(high: .random(in: .min ... .max), low: .random(in: .min ... .max)) }

  /// 32 hexadecimal digits.
  var description: String { Self.hex(high) + Self.hex(low) }

  private static func hex(_ word: UInt64) -> String {
    let digits = String(word, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}

extension RandomBits {
  /// Writes sixteen bytes.
  func encode(into writer: inout ByteWriter) {
    writer.append(integer: high)
    writer.append(integer: low)
  }

  /// Reads sixteen bytes.
  init(from reader: inout RPCReader) throws {
    self.init(high: try reader.read(UInt64.self), low: try reader.read(UInt64.self))
  }
}
