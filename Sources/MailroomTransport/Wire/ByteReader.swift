/// Bytes being read, front to back.
///
/// Every read checks that the bytes are there.
///
/// - Thread safety: none; it borrows the bytes and cannot outlive them.
/// - Complexity: each read is O(1) but for those that copy, which are O(count). Nothing is allocated before its length was
///   compared with what is left.
@frozen
public struct ByteReader: ~Escapable {
  /// The bytes are not what the format asks for.
  public struct Malformed: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was expected.
    public let expected: String
    /// The offset at which it was expected.
    public let offset: Int

    /// An error that says what was expected where.
    public init(expected: String, offset: Int) {
      self.expected = expected
      self.offset = offset
    }

    /// What was expected where.
    public var description: String { "expected \(expected) at offset \(offset)" }
  }

  @usableFromInline let bytes: RawSpan
  @usableFromInline var position: Int

  /// A reader at the start of `bytes`.
  @inlinable
  @_lifetime(copy bytes)
  public init(_ bytes: RawSpan) {
    self.bytes = bytes
    position = 0
  }

  /// How many bytes were read.
  @inlinable public var offset: Int { position }
  /// How many bytes are left.
  @inlinable public var remaining: Int { bytes.byteCount - position }

  /// Reads an integer, big-endian.
  @inlinable @inline(__always)
  public mutating func read<Integer: FixedWidthInteger & BitwiseCopyable>(
    _ type: Integer.Type
  ) throws(Malformed) -> Integer {
    let size = MemoryLayout<Integer>.size
    if remaining < size { throw malformed("an integer of \(size) bytes") }
    let value = bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: position, as: Integer.self)
    position += size
    return Integer(bigEndian: value)
  }

  /// Reads one byte.
  @inlinable @inline(__always)
  public mutating func readByte() throws(Malformed) -> UInt8 {
    if remaining < 1 { throw malformed("a byte") }
    let value = bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: position, as: UInt8.self)
    position += 1
    return value
  }

  /// Reads `count` bytes, without copying them.
  @inlinable
  @_lifetime(copy self)
  public mutating func read(count: Int) throws(Malformed) -> RawSpan {
    if count < 0 || count > remaining { throw malformed("\(count) bytes") }
    let start = position
    position += count
    return bytes.extracting(unchecked: start..<position)
  }

  /// Reads what is left, without copying it.
  @inlinable @inline(__always)
  @_lifetime(copy self)
  public mutating func readRest() -> RawSpan {
    let start = position
    position = bytes.byteCount
    return bytes.extracting(unchecked: start..<position)
  }

  /// Reads an unsigned integer written by ``ByteWriter/append(varint:)``.
  @inlinable
  public mutating func readVarint() throws(Malformed) -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      let byte = try readByte()
      if shift == 63 && byte > 1 { throw malformed("a varint of 64 bits") }
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
      shift += 7
    }
  }

  /// Reads `count` bytes into an array.
  @inlinable
  public mutating func readArray(count: Int) throws(Malformed) -> [UInt8] {
    try read(count: count).array()
  }

  /// Reads `count` bytes of UTF-8.
  public mutating func readUTF8(count: Int) throws(Malformed) -> String {
    let start = position
    let span = try read(count: count)
    guard let text = span.utf8String() else { throw Malformed(expected: "UTF-8", offset: start) }
    return text
  }

  /// The error to throw when something other than `expected` stands here.
  @inlinable @inline(never)
  public func malformed(_ expected: String) -> Malformed {
    Malformed(expected: expected, offset: position)
  }
}
