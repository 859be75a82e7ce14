/// Raw messages that begin with their number.
enum NumberedMessage {
  /// The shortest one.
  static let shortest = MemoryLayout<UInt64>.size

  /// Writes a number over the beginning of a message, which is long enough.
  static func write(_ number: UInt64, to message: inout [UInt8]) {
    for index in 0..<shortest { message[index] = UInt8(truncatingIfNeeded: number >> UInt64(8 * index)) }
  }

  /// The number at the beginning of a message; nil when that is too short.
  static func number(of message: RawSpan) -> UInt64? {
    guard message.byteCount >= shortest else { return nil }
    return UInt64(littleEndian: unsafe message.unsafeLoadUnaligned(as: UInt64.self))
  }
}
