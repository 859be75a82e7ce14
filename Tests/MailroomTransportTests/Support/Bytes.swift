extension FixedWidthInteger {
  /// The bytes as the wire has them.
  var wireBytes: [UInt8] { withUnsafeBytes(of: bigEndian) { Array($0) } }
}

extension Array where Element == UInt8 {
  /// The bytes that pairs of hexadecimal digits stand for; other characters only separate.
  init(hex text: String) {
    let digits = text.compactMap(\.hexDigitValue)
    self = stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
  }

  /// A frame around a payload, made without the code under test.
  static func frame(_ payload: [UInt8]) -> [UInt8] { Int64(payload.count + 8).wireBytes + payload }

  /// The frame of a request, made without the code under test.
  static func request(id: Int64, _ body: [UInt8]) -> [UInt8] {
    frame([3] + id.wireBytes + Int32(body.count).wireBytes + body)
  }

  /// The frame of an answer, made without the code under test.
  static func answer(id: Int64, _ body: [UInt8]) -> [UInt8] {
    frame([4] + id.wireBytes + Int32(body.count).wireBytes + body)
  }

  /// The frame of an answer that is a failure, made without the code under test.
  static func failure(id: Int64, _ text: String) -> [UInt8] {
    frame([5] + id.wireBytes + Int32(text.utf8.count).wireBytes + text.utf8)
  }

  /// The frame of a one-way message, made without the code under test.
  static func oneWay(_ body: [UInt8]) -> [UInt8] { frame([9] + Int32(body.count).wireBytes + body) }
}
