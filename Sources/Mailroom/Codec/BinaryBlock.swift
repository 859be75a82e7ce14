internal import MailroomTransport

/// Where a text or a block of bytes is in the bytes of a ``BinaryTree``.
struct BinaryBlock {
  /// The first byte's offset.
  let start: Int
  /// How many bytes there are.
  let count: Int

  /// The offsets of all of them.
  var range: Range<Int> { start..<start + count }
}

extension [UInt8] {
  /// Whether the bytes of a block are those of a text in UTF-8.
  ///
  /// `String` compares by canonical equivalence: of two keys that look alike, one could come back as the other.
  func has(_ text: String, at block: BinaryBlock) -> Bool {
    rawSpan.extracting(block.range).equals(utf8: text)
  }

  /// Whether two blocks have the same bytes.
  func isSame(_ left: BinaryBlock, _ right: BinaryBlock) -> Bool {
    rawSpan.extracting(left.range).equals(rawSpan.extracting(right.range))
  }

  /// The text of a block that is UTF-8.
  func text(_ block: BinaryBlock) -> String { String(decoding: self[block.range], as: UTF8.self) }
}
