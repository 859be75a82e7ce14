internal import MailroomQueue

/// What a value encodes its elements to.
struct BinaryUnkeyedEncodingContainer: UnkeyedEncodingContainer {
  /// The encoder of the value.
  let encoder: BinaryValueEncoder
  /// The array's place in the tree.
  let array: Int

  /// The keys from the top level to here.
  var codingPath: [any CodingKey] { encoder.path }

  /// How many elements there are so far.
  var count: Int {
    guard case .array(let children) = encoder.run.tree.value[array].value else { return 0 }
    return children.count
  }

  /// Encodes nil as an element.
  mutating func encodeNil() throws {
    try encoder.put(.null(level: 0), mapKey: nil, into: array)
  }

  /// Encodes an element of any type: also the witness for all the scalar types.
  mutating func encode<T: Encodable>(_ value: T) throws {
    try encoder.encode(value, at: key, mapKey: nil, into: array)
  }

  /// A map in this container.
  mutating func nestedContainer<NestedKey: CodingKey>(
    keyedBy keyType: NestedKey.Type
  ) -> KeyedEncodingContainer<NestedKey> {
    child().container(keyedBy: keyType)
  }

  /// An array in this container.
  mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { child().unkeyedContainer() }

  /// An encoder for the superclass, in this container.
  mutating func superEncoder() -> any Encoder { child() }

  private var key: BinaryCodingKey { .element(count) }

  private func child() -> BinaryValueEncoder { encoder.child(at: key, mapKey: nil, in: array) }
}
