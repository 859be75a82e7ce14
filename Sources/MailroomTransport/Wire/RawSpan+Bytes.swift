internal import Glibc

extension RawSpan {
  /// Copies the bytes into an array.
  @inlinable
  public func array() -> [UInt8] {
    // Of all ways to make an array this one is the cheapest: others look the type of its storage up with every call.
    withUnsafeBytes { [UInt8]($0) }
  }

  /// The bytes as a string; nil when they are not UTF-8.
  public func utf8String() -> String? {
    withUnsafeBytes { String(validating: $0, as: UTF8.self) }
  }

  /// The byte at `offset`; nil when there is none.
  @inlinable
  public func byte(at offset: Int) -> UInt8? {
    offset >= 0 && offset < byteCount ? unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt8.self) : nil
  }

  /// The four bytes at `offset` as a big-endian number; nil when there are fewer.
  @inlinable
  public func uint32(at offset: Int) -> UInt32? {
    guard offset >= 0, offset <= byteCount - 4 else { return nil }
    return UInt32(bigEndian: unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt32.self))
  }

  /// The number that stands at the beginning of a body, in place of the bytes that the peer has said it stands for; nil for a
  /// body that begins with other bytes.
  ///
  /// Two bytes for numbers below ``firstLongPrefixNumber``, whose two highest bits are 10; four bytes with 11 for the others.
  public var prefixNumber: Int? { shortPrefixNumber ?? longPrefixNumber }

  /// The ``prefixNumber`` if it has two bytes.
  @inlinable public var shortPrefixNumber: Int? {
    @inline(__always) get {
      guard byteCount >= 2 else { return nil }
      let field = UInt16(bigEndian: unsafeLoadUnaligned(fromUncheckedByteOffset: 0, as: UInt16.self)) &- 0x8000
      return field < 0x4000 ? Int(field) : nil
    }
  }

  /// The ``prefixNumber`` if it has four bytes.
  public var longPrefixNumber: Int? {
    guard let field = uint32(at: 0), field >= 0xC000_0000 else { return nil }
    let number = Int(field & 0x3FFF_FFFF)
    return number < Self.firstLongPrefixNumber ? nil : number
  }

  /// The first number that takes four bytes.
  @inlinable public static var firstLongPrefixNumber: Int { 0x4000 }

  /// What follows a ``shortPrefixNumber``.
  @inlinable
  @_lifetime(copy self)
  public func droppingShortPrefixNumber() -> RawSpan { dropping(2) }

  /// What follows a ``longPrefixNumber``.
  @inlinable
  @_lifetime(copy self)
  public func droppingLongPrefixNumber() -> RawSpan { dropping(4) }

  /// The bytes from `offset` on; none when there are fewer.
  @inlinable
  @_lifetime(copy self)
  public func dropping(_ offset: Int) -> RawSpan {
    extracting(unchecked: min(max(0, offset), byteCount)..<byteCount)
  }

  /// The bytes from `offset` on but for the last `count`; none when there are fewer.
  @inlinable
  @_lifetime(copy self)
  public func dropping(_ offset: Int, last count: Int) -> RawSpan {
    let end = max(0, byteCount - max(0, count))
    return extracting(unchecked: min(max(0, offset), end)..<end)
  }

  /// Whether these bytes begin with those of `prefix`.
  @inlinable
  public func starts(with prefix: [UInt8]) -> Bool {
    byteCount >= prefix.count && extracting(unchecked: 0..<prefix.count).equals(prefix)
  }

  /// Whether both hold the same bytes.
  public func equals(_ other: RawSpan) -> Bool {
    guard byteCount == other.byteCount else { return false }
    return withUnsafeBytes { left in
      other.withUnsafeBytes { right in
        guard let first = left.baseAddress, let second = right.baseAddress else { return true }
        return memcmp(first, second, left.count) == 0
      }
    }
  }

  /// Whether these are the bytes of `other`.
  public func equals(_ other: [UInt8]) -> Bool { equals(other.rawSpan) }

  /// Whether these are the bytes of a text in UTF-8.
  package func equals(utf8 text: String) -> Bool { equals(text.utf8.span.bytes) }
}

extension Array where Element == UInt8 {
  /// The array's bytes, valid while it is not changed.
  @inlinable
  public var rawSpan: RawSpan {
    @_lifetime(borrow self)
    get { span.bytes }
  }
}

extension RawSpan {
  /// A hash that is cheap and good enough to choose a cache slot by; a peer may choose names that collide.
  package var quickHash: UInt64 {
    withUnsafeBytes { bytes in
      var hash: UInt64 = 0xCBF2_9CE4_8422_2325
      for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
      return hash ^ (hash >> 29)
    }
  }
}
