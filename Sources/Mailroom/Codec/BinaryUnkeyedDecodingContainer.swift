/// What a value decodes its elements from.
struct BinaryUnkeyedDecodingContainer: UnkeyedDecodingContainer {
  /// Where the elements are.
  private enum Source {
    /// In the tree; the next one in this place.
    case tree(next: Int)
    /// In a block of bytes, which is an array of small integers to types other than `[UInt8]`.
    case bytes(BinaryBlock)
  }

  private let decoder: BinaryValueDecoder
  private let size: Int
  private var source: Source
  /// How many elements have been decoded.
  private(set) var currentIndex = 0

  /// The elements of an array.
  init(decoder: BinaryValueDecoder, children: BinaryChildren) {
    self.decoder = decoder
    size = children.count
    source = .tree(next: decoder.run.tree.first(of: children) ?? 0)
  }

  /// The bytes of a block.
  init(decoder: BinaryValueDecoder, bytes: BinaryBlock) {
    self.decoder = decoder
    size = bytes.count
    source = .bytes(bytes)
  }

  /// The keys from the top level to here.
  var codingPath: [any CodingKey] { decoder.path }

  /// How many elements there are in all.
  var count: Int? { size }

  /// Whether all elements have been decoded.
  var isAtEnd: Bool { currentIndex >= size }

  /// Whether the next element is nil, which is then done with.
  mutating func decodeNil() throws -> Bool {
    guard case .null(level: 0) = try value(Never?.self) else { return false }
    advance()
    return true
  }

  /// Decodes an element of any type: also the witness for all the scalar types.
  mutating func decode<T: Decodable>(_ type: T.Type) throws -> T {
    let element = try decoder.decode(type, from: value(type), at: key)
    advance()
    return element
  }

  /// Decodes an element, nil when there are no more or it is nil.
  mutating func decodeIfPresent<T: Decodable>(_ type: T.Type) throws -> T? {
    guard !isAtEnd else { return nil }
    let element = try decoder.decodeIfPresent(type, from: value(type), at: key)
    advance()
    return element
  }

  /// A map in this container.
  mutating func nestedContainer<NestedKey: CodingKey>(
    keyedBy type: NestedKey.Type
  ) throws -> KeyedDecodingContainer<NestedKey> {
    let container = try child(KeyedDecodingContainer<NestedKey>.self).container(keyedBy: type)
    advance()
    return container
  }

  /// An array in this container.
  mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
    let container = try child((any UnkeyedDecodingContainer).self).unkeyedContainer()
    advance()
    return container
  }

  /// A decoder of the superclass, in this container.
  mutating func superDecoder() throws -> any Decoder {
    let child = try child((any Decoder).self)
    advance()
    return child
  }

  private var key: BinaryCodingKey { .element(currentIndex) }

  private func child(_ type: any Any.Type) throws -> BinaryValueDecoder {
    BinaryValueDecoder(in: decoder, key: key, value: try value(type))
  }

  /// The next element.
  private func value(_ type: any Any.Type) throws -> BinaryValue {
    guard !isAtEnd else {
      let reason = "there are no more elements"
      throw DecodingError.valueNotFound(type, .init(codingPath: codingPath + [key], debugDescription: reason))
    }
    return switch source {
    case .tree(let next): decoder.run.tree[next].value ?? .null(level: 0)
    case .bytes(let block): .unsigned(UInt64(decoder.run.tree.bytes[block.start + currentIndex]))
    }
  }

  private mutating func advance() {
    if case .tree(let next) = source { source = .tree(next: decoder.run.tree.successor(of: next)) }
    currentIndex += 1
  }
}
