/// What a value decodes its properties from.
struct BinaryKeyedDecodingContainer<Key: CodingKey>: KeyedDecodingContainerProtocol {
  /// The decoder of the value, which is a map.
  let decoder: BinaryValueDecoder

  /// The keys from the top level to here.
  var codingPath: [any CodingKey] { decoder.path }

  /// The keys of the map that are keys of this type.
  var allKeys: [Key] { decoder.keys.compactMap(Key.init(stringValue:)) }

  /// Whether the map has a key.
  func contains(_ key: Key) -> Bool { decoder.value(for: key.stringValue) != nil }

  /// Whether a property is nil.
  func decodeNil(forKey key: Key) throws -> Bool {
    if case .null(level: 0) = try value(for: key) { true } else { false }
  }

  /// Decodes a property of any type.
  func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
    try decoder.decode(type, from: value(for: key), at: key)
  }

  /// Decodes a property, nil when it is not there or nil.
  func decodeIfPresent<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T? {
    try decoder.decodeIfPresent(type, from: decoder.value(for: key.stringValue), at: key)
  }

  /// A map in this container.
  func nestedContainer<NestedKey: CodingKey>(
    keyedBy type: NestedKey.Type, forKey key: Key
  ) throws -> KeyedDecodingContainer<NestedKey> {
    try child(at: key).container(keyedBy: type)
  }

  /// An array in this container.
  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
    try child(at: key).unkeyedContainer()
  }

  /// A decoder of the superclass, in this container.
  func superDecoder() -> any Decoder { superDecoder(at: BinaryCodingKey.superclass) }

  /// A decoder of the superclass, as a property.
  func superDecoder(forKey key: Key) -> any Decoder { superDecoder(at: key) }

  private func superDecoder(at key: some CodingKey) -> any Decoder {
    // A superclass that is not in the message decodes from nil: it may be content with that.
    BinaryValueDecoder(in: decoder, key: key, value: decoder.value(for: key.stringValue) ?? .null(level: 0))
  }

  private func child(at key: Key) throws -> BinaryValueDecoder {
    BinaryValueDecoder(in: decoder, key: key, value: try value(for: key))
  }

  /// What the map has for a key.
  func value(for key: Key) throws -> BinaryValue {
    guard let value = decoder.value(for: key.stringValue) else {
      throw DecodingError.keyNotFound(key, .init(codingPath: codingPath, debugDescription: "there is no such key"))
    }
    return value
  }
}
