/// Reads the tree of values out of a message, and trusts none of its bytes.
///
/// The work and the memory are in proportion to the size of the message: nothing is reserved because the message says
/// so, and announced values that cannot be there any more are found at the announcement.
struct BinaryReader: ~Copyable {
  private let bytes: [UInt8]
  private var position = 0
  private var tree: BinaryTree
  /// The keys that later entries can refer to by number.
  private var keys: [BinaryKey] = []
  /// How many announced values and keys are still to come, each of which takes at least one byte.
  private var outstanding = 1

  private init(_ bytes: [UInt8]) {
    self.bytes = bytes
    tree = BinaryTree(capacity: min(bytes.count / 2, 32), bytes: bytes)
  }

  /// The tree of the message with the given bytes.
  static func read(_ bytes: [UInt8]) throws(BinaryMalformation) -> BinaryTree {
    var reader = Self(bytes)
    _ = try reader.readValue(depth: 0, key: nil)
    guard reader.position == bytes.count else { throw reader.malformed("surplus bytes") }
    return reader.tree
  }

  /// Reads a value inside of `depth` containers and returns its place.
  private mutating func readValue(depth: Int, key: BinaryKey?) throws(BinaryMalformation) -> Int {
    let tag = try readByte()
    outstanding -= 1
    switch tag {
    case 0...BinaryTag.lastSmallInteger:
      return tree.add(.unsigned(UInt64(tag)), key: key)
    case BinaryTag.shortString..<BinaryTag.shortArray:
      return tree.add(.string(try readText(count: Int(tag - BinaryTag.shortString))), key: key)
    case BinaryTag.shortArray..<BinaryTag.shortMap:
      return try readArray(count: UInt64(tag - BinaryTag.shortArray), depth: depth, key: key)
    case BinaryTag.shortMap..<BinaryTag.smallNegative:
      return try readMap(count: UInt64(tag - BinaryTag.shortMap), depth: depth, key: key)
    case BinaryTag.smallNegative..<BinaryTag.smallNegative + 16:
      return tree.add(.negative(-1 - Int64(tag - BinaryTag.smallNegative)), key: key)
    case BinaryTag.array:
      return try readArray(count: try readVarint(), depth: depth, key: key)
    case BinaryTag.map:
      return try readMap(count: try readVarint(), depth: depth, key: key)
    default:
      return tree.add(try readScalar(tag), key: key)
    }
  }

  private mutating func readScalar(_ tag: UInt8) throws(BinaryMalformation) -> BinaryValue {
    switch tag {
    case BinaryTag.null: return .null(level: 0)
    case BinaryTag.no: return .bool(false)
    case BinaryTag.yes: return .bool(true)
    case BinaryTag.unsigned: return .unsigned(try readVarint())
    case BinaryTag.negative:
      guard let magnitude = Int64(exactly: try readVarint()) else { throw malformed("an integer below -2^63") }
      return .negative(-1 - magnitude)
    case BinaryTag.float: return .float(Float(bitPattern: try readFixed()))
    case BinaryTag.double: return .double(Double(bitPattern: try readFixed()))
    case BinaryTag.string: return .string(try readText(count: try readLength()))
    case BinaryTag.bytes: return .bytes(try readBlock(count: try readLength()))
    case BinaryTag.nestedNull:
      let level = try readVarint()
      guard 1...UInt64(BinaryTag.nullLevelLimit) ~= level else { throw malformed("nil inside \(level) optionals") }
      return .null(level: Int(level))
    default: throw malformed("the unknown tag \(tag)")
    }
  }

  private mutating func readArray(
    count announced: UInt64, depth: Int, key: BinaryKey?
  ) throws(BinaryMalformation) -> Int {
    let count = try announce(announced, bytesEach: 1, depth: depth)
    let array = tree.add(.array(BinaryChildren()), key: key)
    for _ in 0..<count {
      _ = tree.link(try readValue(depth: depth + 1, key: nil), to: array)
    }
    return array
  }

  private mutating func readMap(
    count announced: UInt64, depth: Int, key: BinaryKey?
  ) throws(BinaryMalformation) -> Int {
    let count = try announce(announced, bytesEach: 2, depth: depth)
    let map = tree.add(.map(BinaryChildren()), key: key)
    for _ in 0..<count {
      let value = try readValue(depth: depth + 1, key: try readKey())
      guard tree.link(value, to: map) else { throw malformed("a key twice in a map") }
    }
    return map
  }

  /// Checks that as many elements or entries can follow, inside of a container inside of `depth` others.
  private mutating func announce(
    _ announced: UInt64, bytesEach: Int, depth: Int
  ) throws(BinaryMalformation) -> Int {
    guard depth < BinaryTree.maximumDepth else {
      throw malformed("more than \(BinaryTree.maximumDepth) nested arrays and maps")
    }
    // What outer containers still wait for is taken into account: the total never exceeds the message's size.
    let free = bytes.count - position - outstanding
    guard let count = Int(exactly: announced), count <= free / bytesEach else {
      throw malformed("a container of \(announced) in too few bytes")
    }
    outstanding += count * bytesEach
    return count
  }

  private mutating func readKey() throws(BinaryMalformation) -> BinaryKey {
    let header = try readVarint()
    outstanding -= 1
    if header & 1 == 1 {
      guard let number = Int(exactly: header >> 1), number < keys.count else {
        throw malformed("an unknown key number")
      }
      return keys[number]
    }
    let count = try fit(header >> 1)
    let key = tree.key(at: try readText(count: count))
    if count <= BinaryTag.internedKeyLimit {
      if keys.isEmpty { keys.reserveCapacity(8) }
      keys.append(key)
    }
    return key
  }

  private func malformed(_ reason: String) -> BinaryMalformation {
    BinaryMalformation(reason: reason, offset: position)
  }
}

extension BinaryReader {
  private mutating func readByte() throws(BinaryMalformation) -> UInt8 {
    guard position < bytes.count else { throw malformed("the message ends early") }
    defer { position += 1 }
    return bytes[position]
  }

  private mutating func readVarint() throws(BinaryMalformation) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: 0, through: 63, by: 7) {
      let byte = try readByte()
      // Ten bytes have 70 bits: the last one has room for just one.
      guard shift < 63 || byte <= 1 else { break }
      value |= UInt64(byte & 0x7F) << UInt64(shift)
      if byte < 0x80 { return value }
    }
    throw malformed("a number of more than 64 bits")
  }

  private mutating func readFixed<I: FixedWidthInteger & UnsignedInteger>() throws(BinaryMalformation) -> I {
    var value: I = 0
    for shift in stride(from: 0, to: I.bitWidth, by: 8) {
      value |= I(try readByte()) << I(shift)
    }
    return value
  }

  private mutating func readLength() throws(BinaryMalformation) -> Int {
    // In one expression `fit` would see the position from before the number.
    let length = try readVarint()
    return try fit(length)
  }

  /// The length of something that must be in the rest of the message.
  private func fit(_ length: UInt64) throws(BinaryMalformation) -> Int {
    guard let count = Int(exactly: length), count <= bytes.count - position else {
      throw malformed("a length of \(length) in too few bytes")
    }
    return count
  }

  private mutating func readBlock(count: Int) throws(BinaryMalformation) -> BinaryBlock {
    guard count <= bytes.count - position else { throw malformed("the message ends early") }
    defer { position += count }
    return BinaryBlock(start: position, count: count)
  }

  private mutating func readText(count: Int) throws(BinaryMalformation) -> BinaryBlock {
    let block = try readBlock(count: count)
    if isASCII(block) { return block }
    guard let text = String(validating: bytes[block.range], as: UTF8.self) else {
      throw malformed("text that is not UTF-8")
    }
    guard count <= BinaryTag.combiningLimit || !isExcessive(text) else {
      throw malformed("more than \(BinaryTag.combiningLimit) combining characters in a row")
    }
    return block
  }

  private func isASCII(_ block: BinaryBlock) -> Bool {
    var all: UInt8 = 0
    for byte in bytes[block.range] { all |= byte }
    return all < 0x80
  }

  /// Whether a text has so many combining characters in a row that nobody can have written it.
  ///
  /// Comparing or hashing such a `String` puts them in order in a time that grows with the square of their number, and
  /// types do that while they decode: enumerations with raw values, sets, dictionaries.
  private func isExcessive(_ text: String) -> Bool {
    var combining = 0
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case 0..<0x300: combining = 0
      // Alone in not being in a combining class while what they decompose to is.
      case 0xF73, 0xF75, 0xF81: combining += 1
      default: combining = scalar.properties.canonicalCombiningClass == .notReordered ? 0 : combining + 1
      }
      if combining > BinaryTag.combiningLimit { return true }
    }
    return false
  }
}
