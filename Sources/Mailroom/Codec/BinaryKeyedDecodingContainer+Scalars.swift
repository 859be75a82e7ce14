/// What the standard library has functions of their own for: without a look at the type.
extension BinaryKeyedDecodingContainer {
  func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try integer(key) }
  func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { try integer(key) }
  func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { try integer(key) }
  func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { try integer(key) }
  func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { try integer(key) }
  func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { try integer(key) }
  func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { try integer(key) }
  func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { try integer(key) }
  func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { try integer(key) }
  func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { try integer(key) }
  func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool {
    try scalar(key) { (value) throws(BinaryMismatch) in try value.bool() }
  }
  func decode(_ type: Double.Type, forKey key: Key) throws -> Double {
    try scalar(key) { (value) throws(BinaryMismatch) in try value.double() }
  }
  func decode(_ type: Float.Type, forKey key: Key) throws -> Float {
    try scalar(key) { (value) throws(BinaryMismatch) in try value.float() }
  }
  func decode(_ type: String.Type, forKey key: Key) throws -> String {
    try scalar(key) { (value) throws(BinaryMismatch) in try decoder.run.tree.text(value) }
  }

  @inline(__always)
  private func integer<I: FixedWidthInteger>(_ key: Key) throws -> I {
    try scalar(key) { (value) throws(BinaryMismatch) in try value.integer(as: I.self) }
  }

  @inline(__always)
  private func scalar<T>(_ key: Key, _ read: (BinaryValue) throws(BinaryMismatch) -> T) throws -> T {
    let value = try value(for: key)
    do throws(BinaryMismatch) {
      return try read(value)
    } catch {
      throw error.decodingError(T.self, at: codingPath + [key])
    }
  }
}
