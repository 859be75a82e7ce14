internal import MailroomTransport

/// How a tree of values is written as a message.
extension BinaryTree {
  /// Appends the message to what is written; once, for keys are spelled out once.
  mutating func write(to writer: inout ByteWriter) {
    // Most values take their tag and what is kept for them, or a few bytes; a count is put in front of all.
    writer.reserve(bytes.count + count * 4 + 16)
    write(at: 0, to: &writer)
  }

  private mutating func write(at place: Int, to writer: inout ByteWriter) {
    switch self[place].value {
    case .array(let children):
      writeCount(children.count, short: BinaryTag.shortArray, long: BinaryTag.array, to: &writer)
      writeChildren(children, to: &writer)
    case .map(let children):
      writeCount(children.count, short: BinaryTag.shortMap, long: BinaryTag.map, to: &writer)
      writeChildren(children, to: &writer)
    case .some(let scalar):
      write(scalar, to: &writer)
    case nil:
      // The program encoded nothing here: that reads back as an instance of a type with no properties.
      writer.append(BinaryTag.shortMap)
    }
  }

  private mutating func writeChildren(_ children: BinaryChildren, to writer: inout ByteWriter) {
    guard var child = first(of: children) else { return }
    for _ in 0..<children.count {
      if let key = self[child].key { write(key, to: &writer) }
      write(at: child, to: &writer)
      child = successor(of: child)
    }
  }

  private mutating func write(_ key: BinaryKey, to writer: inout ByteWriter) {
    if let number = spell(key) { return writer.append(varint: UInt64(number) << 1 | 1) }
    writer.append(varint: UInt64(key.block.count) << 1)
    append(key.block, to: &writer)
  }

  private func write(_ value: BinaryValue, to writer: inout ByteWriter) {
    switch value {
    case .null(level: 0):
      writer.append(BinaryTag.null)
    case .null(let level):
      writer.append(BinaryTag.nestedNull)
      writer.append(varint: UInt64(level))
    case .bool(let value):
      writer.append(value ? BinaryTag.yes : BinaryTag.no)
    case .unsigned(let value):
      if value > UInt64(BinaryTag.lastSmallInteger) { writer.append(BinaryTag.unsigned) }
      writer.append(varint: value)
    case .negative(let value):
      let magnitude = UInt64(-1 - value)
      if magnitude < 16 { return writer.append(BinaryTag.smallNegative + UInt8(magnitude)) }
      writer.append(BinaryTag.negative)
      writer.append(varint: magnitude)
    case .float(let value):
      writer.append(BinaryTag.float)
      writer.append(integer: value.bitPattern.byteSwapped)
    case .double(let value):
      writer.append(BinaryTag.double)
      writer.append(integer: value.bitPattern.byteSwapped)
    case .string(let value):
      if value.count <= BinaryTag.shortStringLimit {
        writer.append(BinaryTag.shortString + UInt8(value.count))
      } else {
        writer.append(BinaryTag.string)
        writer.append(varint: UInt64(value.count))
      }
      append(value, to: &writer)
    case .bytes(let value):
      writer.append(BinaryTag.bytes)
      writer.append(varint: UInt64(value.count))
      append(value, to: &writer)
    case .array, .map:
      // Written with their children.
      break
    }
  }

  private func writeCount(_ count: Int, short: UInt8, long: UInt8, to writer: inout ByteWriter) {
    if count <= BinaryTag.shortCountLimit { return writer.append(short + UInt8(count)) }
    writer.append(long)
    writer.append(varint: UInt64(count))
  }

  private func append(_ block: BinaryBlock, to writer: inout ByteWriter) {
    writer.append(bytes.rawSpan.extracting(block.range))
  }
}
