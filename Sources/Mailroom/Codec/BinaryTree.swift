/// The values of one message, between its bytes and the types it is encoded from or decoded to.
///
/// All nodes are in one array and refer to each other by their places there, and to texts by where they are in one array of bytes: a
/// message does not need an allocation per value, nothing in a node is counted, containers can grow in any order, and a deep tree is
/// not released recursively.
struct BinaryTree: ~Copyable {
  /// How deep arrays and maps may be nested.
  static let maximumDepth = 64

  /// One value and where it stands.
  struct Node {
    /// The value, nil as long as nothing has been encoded here; written as an empty map if that stays so.
    var value: BinaryValue?
    /// The key in the map that holds this value; nil elsewhere.
    let key: BinaryKey?
    /// The place of the next child of the same container.
    fileprivate var next: Int
  }

  /// A map entry's identity: the place of the map's first child, and the key's number.
  private struct Entry: Hashable {
    let first: Int
    let key: Int
  }

  /// Maps of more entries than this have them in ``entries``; smaller ones are faster to search.
  private static let searchLimit = 8

  /// The nodes; the message's own value is the first one.
  private var nodes: [Node] = []
  /// What texts, blocks of bytes and keys consist of: the message itself when one is decoded.
  private(set) var bytes: [UInt8]
  private var keys = BinaryKeyTable()
  /// The entries of the large maps.
  private var entries: [Entry: Int] = [:]

  /// A tree without nodes that has room for some, over the bytes of a message.
  init(capacity: Int, bytes: [UInt8]) {
    self.bytes = bytes
    nodes.reserveCapacity(capacity)
  }

  /// An empty tree with room for a few nodes and what they refer to.
  init() {
    bytes = []
    bytes.reserveCapacity(96)
    nodes.reserveCapacity(16)
  }

  /// The message's own value.
  var root: BinaryValue { nodes.first?.value ?? .map(BinaryChildren()) }

  /// How many nodes there are.
  var count: Int { nodes.count }

  /// The node at a place that ``add(_:key:)`` returned.
  subscript(place: Int) -> Node { nodes[place] }

  /// Keeps a text.
  mutating func keep(_ text: String) -> BinaryBlock {
    let start = bytes.count
    bytes.append(contentsOf: text.utf8)
    return BinaryBlock(start: start, count: bytes.count - start)
  }

  /// Keeps a block of bytes.
  mutating func keep(_ block: [UInt8]) -> BinaryBlock {
    defer { bytes.append(contentsOf: block) }
    return BinaryBlock(start: bytes.count, count: block.count)
  }

  /// The key with a text.
  mutating func key(_ text: String) -> BinaryKey { keys.key(text, in: &bytes) }

  /// The key whose text is at a block.
  mutating func key(at block: BinaryBlock) -> BinaryKey { keys.key(at: block, in: bytes) }

  /// As ``BinaryKeyTable/spell(_:)``.
  mutating func spell(_ key: BinaryKey) -> Int? { keys.spell(key) }

  /// Adds a value that belongs to no container yet, and returns its place.
  mutating func add(_ value: BinaryValue?, key: BinaryKey? = nil) -> Int {
    nodes.append(Node(value: value, key: key, next: nodes.count))
    return nodes.count - 1
  }

  /// Replaces the value at a place.
  mutating func set(_ value: BinaryValue?, at place: Int) {
    nodes[place].value = value
  }

  /// Makes a value that belongs to no container the last child of the array or map at `container`.
  ///
  /// Answers false, and does nothing, when that is a map that has the value's key already.
  mutating func link(_ place: Int, to container: Int) -> Bool {
    switch nodes[container].value {
    case .array(var children):
      append(place, to: &children)
      nodes[container].value = .array(children)
    case .map(var children):
      guard let key = nodes[place].key, self.place(of: key, in: children) == nil else { return false }
      append(place, to: &children)
      nodes[container].value = .map(children)
      index(children)
    default:
      return false
    }
    return true
  }

  /// Makes a value that belongs to no container a child of the array or map at `container`.
  ///
  /// It is the last child, or takes the place of the one that has its key.
  mutating func put(_ place: Int, in container: Int) {
    guard !link(place, to: container), let key = nodes[place].key, case .map(let children) = nodes[container].value,
      let old = self.place(of: key, in: children)
    else { return }
    nodes[old].value = nodes[place].value
  }

  private mutating func append(_ place: Int, to children: inout BinaryChildren) {
    if children.count > 0 {
      nodes[place].next = nodes[children.last].next
      nodes[children.last].next = place
    }
    children.last = place
    children.count += 1
  }

  private mutating func index(_ children: BinaryChildren) {
    guard children.count > Self.searchLimit, let first = first(of: children) else { return }
    if children.count == Self.searchLimit + 1 {
      var place = first
      for _ in 0..<children.count {
        enter(place, first: first)
        place = successor(of: place)
      }
    } else {
      enter(children.last, first: first)
    }
  }

  private mutating func enter(_ place: Int, first: Int) {
    guard let key = nodes[place].key else { return }
    entries[Entry(first: first, key: key.number)] = place
  }
}

extension BinaryTree {
  /// The place of the first child, if there is one.
  func first(of children: BinaryChildren) -> Int? {
    children.count > 0 ? nodes[children.last].next : nil
  }

  /// The place of the next child of the same container; the first child's after the last one's.
  func successor(of place: Int) -> Int { nodes[place].next }

  /// The place of the child of a map with that key, if there is one.
  func place(of key: BinaryKey, in children: BinaryChildren) -> Int? {
    if children.count > Self.searchLimit { return indexed(key.number, in: children) }
    return search(children) { $0.number == key.number }
  }

  /// The place of the child of a map whose key has that text, if there is one.
  func place(of text: String, in children: BinaryChildren) -> Int? {
    if children.count > Self.searchLimit {
      return keys.number(of: text, in: bytes).flatMap { indexed($0, in: children) }
    }
    return search(children) { bytes.has(text, at: $0.block) }
  }

  /// Whether the value at a place has a key with that text.
  func has(_ text: String, at place: Int) -> Bool {
    guard let key = nodes[place].key else { return false }
    return bytes.has(text, at: key.block)
  }

  private func indexed(_ key: Int, in children: BinaryChildren) -> Int? {
    first(of: children).flatMap { entries[Entry(first: $0, key: key)] }
  }

  @inline(__always)
  private func search(_ children: BinaryChildren, _ isMatch: (BinaryKey) -> Bool) -> Int? {
    guard var place = first(of: children) else { return nil }
    for _ in 0..<children.count {
      if let key = nodes[place].key, isMatch(key) { return place }
      place = successor(of: place)
    }
    return nil
  }
}
