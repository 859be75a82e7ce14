internal import MailroomQueue

/// What the standard library has functions of their own for: without a look at the type.
extension BinaryKeyedEncodingContainer {
  mutating func encode(_ value: Int, forKey key: Key) throws { try put(BinaryValue(integer: value), key) }
  mutating func encode(_ value: Int8, forKey key: Key) throws { try put(BinaryValue(integer: value), key) }
  mutating func encode(_ value: Int16, forKey key: Key) throws { try put(BinaryValue(integer: value), key) }
  mutating func encode(_ value: Int32, forKey key: Key) throws { try put(BinaryValue(integer: value), key) }
  mutating func encode(_ value: Int64, forKey key: Key) throws { try put(BinaryValue(integer: value), key) }
  mutating func encode(_ value: UInt, forKey key: Key) throws { try put(BinaryValue(integer: value), key) }
  mutating func encode(_ value: UInt8, forKey key: Key) throws { try put(BinaryValue(integer: value), key) }
  mutating func encode(_ value: UInt16, forKey key: Key) throws { try put(BinaryValue(integer: value), key) }
  mutating func encode(_ value: UInt32, forKey key: Key) throws { try put(BinaryValue(integer: value), key) }
  mutating func encode(_ value: UInt64, forKey key: Key) throws { try put(BinaryValue(integer: value), key) }
  mutating func encode(_ value: Bool, forKey key: Key) throws { try put(.bool(value), key) }
  mutating func encode(_ value: Double, forKey key: Key) throws { try put(.double(value), key) }
  mutating func encode(_ value: Float, forKey key: Key) throws { try put(.float(value), key) }
  mutating func encode(_ value: String, forKey key: Key) throws {
    try put(.string(encoder.run.tree.value.keep(value)), key)
  }

  private func put(_ value: BinaryValue, _ key: Key) throws {
    try encoder.put(value, mapKey: encoder.run.tree.value.key(key.stringValue), into: map)
  }
}
