internal import MailroomQueue

/// The encoder that one value encodes itself to, and the container for another value in its place.
final class BinaryValueEncoder: Encoder, SingleValueEncodingContainer, BinaryCodingPlace {
  /// How many `encode(to:)` may be within each other.
  ///
  /// The depth of the message does not bound them, since a value may encode another one in its own place.
  static let callLimit = 4 * BinaryTree.maximumDepth

  /// What is shared by the whole message.
  let run: BinaryEncodingRun
  /// The encoder of the value that this one is in.
  let parent: BinaryValueEncoder?
  /// Where in that value this one is.
  let key: (any CodingKey)?
  /// The value's place in the tree.
  let place: Int
  /// How many containers the value is in.
  private let depth: Int
  /// How many `encode(to:)` are running.
  private var calls: Int
  /// The type that is encoding itself.
  private var type: any Any.Type = Never.self

  /// The encoder for the whole message.
  init(run: BinaryEncodingRun, place: Int) {
    self.run = run
    self.place = place
    parent = nil
    key = nil
    depth = 0
    calls = 0
  }

  /// The encoder for a value in the container of another one.
  init(in parent: BinaryValueEncoder, key: any CodingKey, place: Int) {
    run = parent.run
    // A program can go on making nested containers after the run has failed: that must not become a list so long that
    // its release overflows the stack.
    self.parent = parent.depth > BinaryTree.maximumDepth ? parent.parent : parent
    self.key = key
    self.place = place
    depth = parent.depth + 1
    calls = parent.calls
  }

  /// The keys from the top level to here.
  var codingPath: [any CodingKey] { path }

  /// What the program gave to the coder for its types.
  var userInfo: [CodingUserInfoKey: Any] { run.userInfo }

  /// The container for the value's properties.
  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    KeyedEncodingContainer(BinaryKeyedEncodingContainer(encoder: self, map: containerPlace(.map(BinaryChildren()))))
  }

  /// The container for the value's elements.
  func unkeyedContainer() -> any UnkeyedEncodingContainer {
    BinaryUnkeyedEncodingContainer(encoder: self, array: containerPlace(.array(BinaryChildren())))
  }

  /// The container for one value in this value's place.
  func singleValueContainer() -> any SingleValueEncodingContainer { self }

  /// The place of the value, which becomes a container of the kind of `empty` or is one already.
  ///
  /// A superclass may ask for its subclass's container again. When that cannot be, the run fails, and the container
  /// is one that is not part of the message.
  private func containerPlace(_ empty: BinaryValue) -> Int {
    switch (run.tree.value[place].value, empty) {
    case (nil, _):
      if depth < BinaryTree.maximumDepth {
        run.tree.value.set(empty, at: place)
        return place
      }
      run.fail("more than \(BinaryTree.maximumDepth) nested arrays and maps", at: path)
    case (.array, .array), (.map, .map):
      return place
    case (let value?, _):
      run.fail("a value that is \(value.kind) already asked for a container of another kind", at: path)
    }
    return run.tree.value.add(empty)
  }
}

extension BinaryValueEncoder {
  /// Encodes nil in this encoder's place.
  func encodeNil() throws {
    try run.check()
    guard run.tree.value[place].value == nil else {
      throw EncodingError.invalidValue(Never?.none as Any, context("a second value in the place of one"))
    }
    run.tree.value.set(.null(level: 0), at: place)
  }

  /// Encodes a value in this encoder's place, of any type: also the witness for all the scalar types.
  func encode<T: Encodable>(_ value: T) throws {
    try run.check()
    guard run.tree.value[place].value == nil else {
      throw EncodingError.invalidValue(value, context("a second value in the place of one"))
    }
    if let scalar = run.tree.value.value(scalar: value) { return run.tree.value.set(scalar, at: place) }
    if depth < BinaryTree.maximumDepth, run.tree.value.setElements(value, at: place) { return }
    guard calls < Self.callLimit else {
      throw EncodingError.invalidValue(value, context("values within values more than \(Self.callLimit) times"))
    }
    let outerType = type
    type = T.self
    calls += 1
    defer {
      type = outerType
      calls -= 1
    }
    do {
      try value.encode(to: self)
    } catch {
      // The program may try another value.
      run.tree.value.set(nil, at: place)
      run.trace.leave(self, with: error)
      throw error
    }
    run.trace.recover()
    if case .null = run.tree.value[place].value, outerType is any BinaryOptional.Type {
      try wrapNull(of: T.self, at: place)
    }
  }

  /// Encodes a value into the container at `container`.
  ///
  /// The value replaces what a map has for that key. It does not become part of the container when encoding it fails.
  func encode<T: Encodable>(
    _ value: T, at key: some CodingKey, mapKey: BinaryKey?, into container: Int, isPresent: Bool = false
  ) throws {
    try run.check()
    let place: Int
    if let scalar = run.tree.value.value(scalar: value) {
      place = run.tree.value.add(scalar, key: mapKey)
    } else {
      place = run.tree.value.add(nil, key: mapKey)
      try BinaryValueEncoder(in: self, key: key, place: place).encode(value)
      if isPresent { try wrapNull(of: T.self, at: place) }
    }
    run.tree.value.put(place, in: container)
  }

  /// Puts a value that is complete into the container at `container`.
  func put(_ value: BinaryValue, mapKey: BinaryKey?, into container: Int) throws {
    try run.check()
    run.tree.value.put(run.tree.value.add(value, key: mapKey), in: container)
  }

  /// The encoder for a value in the container at `container`, which becomes part of it right now.
  func child(at key: some CodingKey, mapKey: BinaryKey?, in container: Int) -> BinaryValueEncoder {
    if let mapKey, case .map(let children) = run.tree.value[container].value,
      let place = run.tree.value.place(of: mapKey, in: children)
    {
      return BinaryValueEncoder(in: self, key: key, place: place)
    }
    let place = run.tree.value.add(nil, key: mapKey)
    _ = run.tree.value.link(place, to: container)
    return BinaryValueEncoder(in: self, key: key, place: place)
  }

  /// Turns the nil of an optional `type` into nil inside of one more optional that is present.
  ///
  /// Other types that encode themselves as nil stay as they are, so that their fields can become optional later.
  private func wrapNull(of type: any Any.Type, at place: Int) throws {
    guard case .null(let level) = run.tree.value[place].value, type is any BinaryOptional.Type else { return }
    guard level < BinaryTag.nullLevelLimit else {
      throw EncodingError.invalidValue(level, context("nil inside more than \(BinaryTag.nullLevelLimit) optionals"))
    }
    run.tree.value.set(.null(level: level + 1), at: place)
  }

  private func context(_ reason: String) -> EncodingError.Context {
    .init(codingPath: path, debugDescription: reason)
  }
}
