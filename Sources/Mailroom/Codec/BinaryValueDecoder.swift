/// The decoder that one value decodes itself from, and the container of another value in its place.
final class BinaryValueDecoder: Decoder, SingleValueDecodingContainer, BinaryCodingPlace {
  /// How many `init(from:)` may be within each other.
  ///
  /// The depth of the message does not bound them, since a value may decode another one from its own place.
  static let callLimit = BinaryValueEncoder.callLimit

  /// What is shared by the whole message.
  let run: BinaryDecodingRun
  /// The decoder of the value that this one is in.
  let parent: BinaryValueDecoder?
  /// Where in that value this one is.
  let key: (any CodingKey)?
  /// What the message has in this place.
  let value: BinaryValue
  /// How many `init(from:)` are running.
  private var calls: Int
  /// The type that is decoding itself.
  private var type: any Any.Type = Never.self
  /// The place of the property that was found last, or of the last one of all; meaningless if this is no map.
  private var found = 0

  private init(
    run: BinaryDecodingRun, parent: BinaryValueDecoder?, key: (any CodingKey)?, value: BinaryValue, calls: Int
  ) {
    self.run = run
    self.parent = parent
    self.key = key
    self.value = value
    self.calls = calls
    if case .map(let children) = value { found = children.last }
  }

  /// The decoder for the whole message.
  convenience init(run: BinaryDecodingRun) {
    self.init(run: run, parent: nil, key: nil, value: run.tree.root, calls: 0)
  }

  /// The decoder for a value in the container of another one.
  convenience init(in parent: BinaryValueDecoder, key: any CodingKey, value: BinaryValue) {
    self.init(run: parent.run, parent: parent, key: key, value: value, calls: parent.calls)
  }

  /// The keys from the top level to here.
  var codingPath: [any CodingKey] { path }

  /// What the program gave to the coder for its types.
  var userInfo: [CodingUserInfoKey: Any] { run.userInfo }

  /// The container of the value's properties.
  func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    guard case .map = value else { throw mismatch([String: Any].self) }
    return KeyedDecodingContainer(BinaryKeyedDecodingContainer(decoder: self))
  }

  /// The container of the value's elements.
  func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
    switch value {
    case .array(let children):
      return BinaryUnkeyedDecodingContainer(decoder: self, children: children)
    case .bytes(let bytes):
      return BinaryUnkeyedDecodingContainer(decoder: self, bytes: bytes)
    default:
      throw mismatch([Any].self)
    }
  }

  /// The container of one value in this value's place.
  func singleValueContainer() -> any SingleValueDecodingContainer { self }

  private func mismatch(_ type: any Any.Type) -> DecodingError {
    value.mismatch.decodingError(type, at: path)
  }
}

extension BinaryValueDecoder {
  /// Whether the message has nil in this decoder's place.
  func decodeNil() -> Bool {
    if case .null(level: 0) = value { true } else { false }
  }

  /// Decodes a value from this decoder's place, of any type: also the witness for all the scalar types.
  func decode<T: Decodable>(_ type: T.Type) throws -> T {
    if case .null(let level) = value, level > 0, self.type is any BinaryOptional.Type {
      // The optional that asks is present; what it contains is nil, or present and contains nil.
      let inner = BinaryValueDecoder(
        run: run, parent: parent, key: key, value: .null(level: level - 1), calls: calls)
      return try inner.decode(type)
    }
    do throws(BinaryMismatch) {
      if let scalar = try run.tree.scalar(value, as: type) { return scalar }
    } catch {
      throw error.decodingError(type, at: path)
    }
    if case .array(let children) = value, let elements = run.tree.elements(children, as: type) { return elements }
    guard calls < Self.callLimit else {
      let reason = "values within values more than \(Self.callLimit) times"
      throw DecodingError.dataCorrupted(.init(codingPath: path, debugDescription: reason))
    }
    let outerType = self.type
    self.type = type
    calls += 1
    defer {
      self.type = outerType
      calls -= 1
    }
    do {
      let decoded = try T(from: self)
      run.trace.recover()
      return decoded
    } catch {
      run.trace.leave(self, with: error)
      throw error
    }
  }

  /// Decodes a value of one of this decoder's containers.
  func decode<T: Decodable>(_ type: T.Type, from value: BinaryValue, at key: some CodingKey) throws -> T {
    do throws(BinaryMismatch) {
      if let scalar = try run.tree.scalar(value, as: type) { return scalar }
    } catch {
      throw error.decodingError(type, at: path + [key])
    }
    return try BinaryValueDecoder(in: self, key: key, value: value).decode(type)
  }

  /// Decodes a value of one of this decoder's containers, nil when there is none or it is nil.
  func decodeIfPresent<T: Decodable>(_ type: T.Type, from value: BinaryValue?, at key: some CodingKey) throws -> T? {
    switch value {
    case nil, .null(level: 0): nil
    case .null(let level): try decode(type, from: .null(level: level - 1), at: key)
    case let value?: try decode(type, from: value, at: key)
    }
  }
}

/// The properties of a value that is a map, found quickest in the order in which they were encoded.
extension BinaryValueDecoder {
  /// The value for a key, nil when there is no such key.
  func value(for key: String) -> BinaryValue? {
    guard case .map(let children) = value, children.count > 0 else { return nil }
    // A property is asked about repeatedly: is it there, is it nil, what is it.
    if !run.tree.has(key, at: found) {
      let next = run.tree.successor(of: found)
      if run.tree.has(key, at: next) {
        found = next
      } else if let place = run.tree.place(of: key, in: children) {
        found = place
      } else {
        return nil
      }
    }
    return run.tree[found].value
  }

  /// The keys, in order.
  var keys: [String] {
    guard case .map(let children) = value, var place = run.tree.first(of: children) else { return [] }
    var keys: [String] = []
    for _ in 0..<children.count {
      if let key = run.tree[place].key { keys.append(run.tree.bytes.text(key.block)) }
      place = run.tree.successor(of: place)
    }
    return keys
  }
}
