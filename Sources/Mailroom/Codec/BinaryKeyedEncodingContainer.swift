internal import MailroomQueue

/// What a value encodes its properties to.
struct BinaryKeyedEncodingContainer<Key: CodingKey>: KeyedEncodingContainerProtocol {
  /// The encoder of the value.
  let encoder: BinaryValueEncoder
  /// The map's place in the tree.
  let map: Int

  /// The keys from the top level to here.
  var codingPath: [any CodingKey] { encoder.path }

  /// Encodes nil as a property.
  mutating func encodeNil(forKey key: Key) throws {
    try encoder.put(.null(level: 0), mapKey: encoder.run.tree.value.key(key.stringValue), into: map)
  }

  /// Encodes a property of any type.
  mutating func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
    try encoder.encode(value, at: key, mapKey: encoder.run.tree.value.key(key.stringValue), into: map)
  }

  /// Encodes a property that is not nil.
  mutating func encodeIfPresent<T: Encodable>(_ value: T?, forKey key: Key) throws {
    guard let value else { return }
    try encoder.encode(value, at: key, mapKey: encoder.run.tree.value.key(key.stringValue), into: map, isPresent: true)
  }

  /// A map in this container.
  mutating func nestedContainer<NestedKey: CodingKey>(
    keyedBy keyType: NestedKey.Type, forKey key: Key
  ) -> KeyedEncodingContainer<NestedKey> {
    child(at: key).container(keyedBy: keyType)
  }

  /// An array in this container.
  mutating func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
    child(at: key).unkeyedContainer()
  }

  /// An encoder for the superclass, in this container.
  mutating func superEncoder() -> any Encoder { child(at: BinaryCodingKey.superclass) }

  /// An encoder for the superclass, as a property.
  mutating func superEncoder(forKey key: Key) -> any Encoder { child(at: key) }

  private func child(at key: some CodingKey) -> BinaryValueEncoder {
    encoder.child(at: key, mapKey: encoder.run.tree.value.key(key.stringValue), in: map)
  }
}
