/// Writes a tree of values as a message.
struct BinaryWriter {
  private var bytes: [UInt8] = []
  private var keys = BinaryKeyTable()

  private init() {}

  /// The message for a tree.
  static func write(_ tree: BinaryTree) -> [UInt8] {
    var writer = Self()
    writer.bytes.reserveCapacity(tree.count * 4)
    writer.write(tree, at: 0)
    return writer.bytes
  }

  /// The message for a single value that is neither an array nor a map.
  static func write(_ value: BinaryValue) -> [UInt8] {
    var writer = Self()
    writer.write(value)
    return writer.bytes
  }

  private mutating func write(_ tree: BinaryTree, at place: Int) {
    switch tree[place].value {
    case .array(let children):
      writeCount(children.count, short: BinaryTag.shortArray, long: BinaryTag.array)
      writeChildren(children, of: tree)
    case .map(let children):
      writeCount(children.count, short: BinaryTag.shortMap, long: BinaryTag.map)
      writeChildren(children, of: tree)
    case .some(let scalar):
      write(scalar)
    case nil:
      // The program encoded nothing here: that reads back as an instance of a type with no properties.
      bytes.append(BinaryTag.shortMap)
    }
  }

  private mutating func writeChildren(_ children: BinaryChildren, of tree: BinaryTree) {
    guard var child = tree.first(of: children) else { return }
    for _ in 0..<children.count {
      if let key = tree[child].key { write(key) }
      write(tree, at: child)
      child = tree.successor(of: child)
    }
  }

  private mutating func write(_ key: BinaryKey) {
    if let number = keys.number(of: key) {
      writeVarint(UInt64(number) << 1 | 1)
    } else {
      writeVarint(UInt64(key.text.utf8.count) << 1)
      bytes.append(contentsOf: key.text.utf8)
    }
  }

  private mutating func write(_ value: BinaryValue) {
    switch value {
    case .null(level: 0):
      bytes.append(BinaryTag.null)
    case .null(let level):
      bytes.append(BinaryTag.nestedNull)
      writeVarint(UInt64(level))
    case .bool(let value):
      bytes.append(value ? BinaryTag.yes : BinaryTag.no)
    case .unsigned(let value):
      if value > UInt64(BinaryTag.lastSmallInteger) { bytes.append(BinaryTag.unsigned) }
      writeVarint(value)
    case .negative(let value):
      let magnitude = UInt64(-1 - value)
      if magnitude < 16 { return bytes.append(BinaryTag.smallNegative + UInt8(magnitude)) }
      bytes.append(BinaryTag.negative)
      writeVarint(magnitude)
    case .float(let value):
      bytes.append(BinaryTag.float)
      writeFixed(value.bitPattern)
    case .double(let value):
      bytes.append(BinaryTag.double)
      writeFixed(value.bitPattern)
    case .string(let value):
      let count = value.utf8.count
      if count <= BinaryTag.shortStringLimit {
        bytes.append(BinaryTag.shortString + UInt8(count))
      } else {
        bytes.append(BinaryTag.string)
        writeVarint(UInt64(count))
      }
      bytes.append(contentsOf: value.utf8)
    case .bytes(let value):
      bytes.append(BinaryTag.bytes)
      writeVarint(UInt64(value.count))
      bytes.append(contentsOf: value)
    case .array, .map:
      // Only a tree has their children.
      break
    }
  }
}

extension BinaryWriter {
  private mutating func writeCount(_ count: Int, short: UInt8, long: UInt8) {
    if count <= BinaryTag.shortCountLimit { return bytes.append(short + UInt8(count)) }
    bytes.append(long)
    writeVarint(UInt64(count))
  }

  private mutating func writeVarint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  private mutating func writeFixed(_ value: some FixedWidthInteger) {
    for shift in stride(from: 0, to: value.bitWidth, by: 8) {
      bytes.append(UInt8(truncatingIfNeeded: value >> shift))
    }
  }
}
