/// Writes a tree of values as a message.
struct BinaryWriter: ~Copyable {
  private var tree: BinaryTree
  private var bytes: [UInt8] = []

  private init(_ tree: consuming BinaryTree) { self.tree = tree }

  /// The message for a tree.
  static func write(_ tree: consuming BinaryTree) -> [UInt8] {
    // Most values take their tag and what is kept for them, or a few bytes.
    let size = tree.bytes.count + tree.count * 4
    var writer = Self(tree)
    writer.bytes.reserveCapacity(size)
    writer.write(at: 0)
    return writer.bytes
  }

  private mutating func write(at place: Int) {
    switch tree[place].value {
    case .array(let children):
      writeCount(children.count, short: BinaryTag.shortArray, long: BinaryTag.array)
      writeChildren(children)
    case .map(let children):
      writeCount(children.count, short: BinaryTag.shortMap, long: BinaryTag.map)
      writeChildren(children)
    case .some(let scalar):
      write(scalar)
    case nil:
      // The program encoded nothing here: that reads back as an instance of a type with no properties.
      bytes.append(BinaryTag.shortMap)
    }
  }

  private mutating func writeChildren(_ children: BinaryChildren) {
    guard var child = tree.first(of: children) else { return }
    for _ in 0..<children.count {
      if let key = tree[child].key { write(key) }
      write(at: child)
      child = tree.successor(of: child)
    }
  }

  private mutating func write(_ key: BinaryKey) {
    if let number = tree.spell(key) { return writeVarint(UInt64(number) << 1 | 1) }
    writeVarint(UInt64(key.block.count) << 1)
    bytes.append(contentsOf: tree.bytes[key.block.range])
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
      if value.count <= BinaryTag.shortStringLimit {
        bytes.append(BinaryTag.shortString + UInt8(value.count))
      } else {
        bytes.append(BinaryTag.string)
        writeVarint(UInt64(value.count))
      }
      bytes.append(contentsOf: tree.bytes[value.range])
    case .bytes(let value):
      bytes.append(BinaryTag.bytes)
      writeVarint(UInt64(value.count))
      bytes.append(contentsOf: tree.bytes[value.range])
    case .array, .map:
      // Written with their children.
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
