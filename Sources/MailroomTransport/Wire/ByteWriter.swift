internal import MailroomQueue

/// Bytes being written: a growable buffer with one owner.
///
/// Frames, envelopes and messages are encoded into one of these. Integers are written big-endian, as the wire has them.
///
/// - Thread safety: none needed; it is moved, never shared.
/// - Complexity: appending is amortised O(count); growing doubles the storage and copies what is there.
@frozen
public struct ByteWriter: ~Copyable, @unchecked Sendable {
  // Proof: the type cannot be copied, so the storage behind `base` has one owner at a time, and moves with it.
  @usableFromInline var base: UnsafeMutableRawPointer?  // consumer-confined: the writer's one owner
  @usableFromInline var room: Int  // consumer-confined
  @usableFromInline var length: Int  // consumer-confined

  /// An empty writer.
  ///
  /// Takes no memory before the first byte.
  @inlinable
  public init() {
    base = nil
    room = 0
    length = 0
  }

  /// An empty writer with room for `capacity` bytes.
  @inlinable
  public init(capacity: Int) {
    self.init()
    if capacity > 0 { grow(toFit: capacity) }
  }

  deinit { if let base { Heap.free(base) } }

  /// The bytes written so far.
  @inlinable public var count: Int { length }
  /// The bytes that fit before the storage grows.
  @inlinable public var capacity: Int { room }
  /// Whether nothing is written.
  @inlinable public var isEmpty: Bool { length == 0 }

  /// What is written so far, valid until the writer changes.
  @inlinable
  public var bytes: RawSpan {
    @_lifetime(borrow self)
    get {
      let span = UnsafeRawBufferPointer(start: base, count: length).bytes
      return _overrideLifetime(span, borrowing: self)
    }
  }

  /// Copies what is written into an array.
  public func array() -> [UInt8] {
    let count = length
    // Making an empty array this way writes to storage that all empty arrays share.
    if count == 0 { return [] }
    return [UInt8](unsafeUninitializedCapacity: count) { target, initialized in
      if let base, let to = target.baseAddress { UnsafeMutableRawPointer(to).copyMemory(from: base, byteCount: count) }
      initialized = count
    }
  }

  /// Makes sure that `count` more bytes fit without growing.
  @inlinable
  public mutating func reserve(_ count: Int) {
    if room - length < count { grow(toFit: length + count) }
  }

  @usableFromInline
  mutating func grow(toFit needed: Int) {
    let newRoom = max(needed, room * 2, 64)
    let new = Heap.allocate(newRoom)
    if let base {
      new.copyMemory(from: base, byteCount: length)
      Heap.free(base)
    }
    base = new
    room = newRoom
  }

  /// Makes room for `count` bytes, which count as written; says at which offset they go.
  @inlinable
  mutating func claim(_ count: Int) -> Int {
    if room - length < count { grow(toFit: length + count) }
    let start = length
    length += count
    return start
  }

  /// Appends one byte.
  @inlinable
  public mutating func append(_ byte: UInt8) {
    let start = claim(1)
    base.unsafelyUnwrapped.storeBytes(of: byte, toByteOffset: start, as: UInt8.self)
  }

  /// Appends an integer, big-endian.
  @inlinable
  public mutating func append<Integer: FixedWidthInteger & BitwiseCopyable>(integer: Integer) {
    let start = claim(MemoryLayout<Integer>.size)
    base.unsafelyUnwrapped.storeBytes(of: integer.bigEndian, toByteOffset: start, as: Integer.self)
  }

  /// Appends bytes.
  @inlinable
  public mutating func append(_ bytes: RawSpan) {
    let count = bytes.byteCount
    if count == 0 { return }
    let start = claim(count)
    let target = base.unsafelyUnwrapped + start
    bytes.withUnsafeBytes { source in
      if let from = source.baseAddress { target.copyMemory(from: from, byteCount: count) }
    }
  }

  /// Appends an integer of four bytes, big-endian, a byte if there is one, and bytes: in one go.
  @inlinable
  public mutating func append(_ field: UInt32, _ byte: UInt8?, _ bytes: RawSpan) {
    let count = bytes.byteCount
    let start = claim(MemoryLayout<UInt32>.size + (byte == nil ? 0 : 1) + count)
    var target = base.unsafelyUnwrapped + start
    target.storeBytes(of: field.bigEndian, as: UInt32.self)
    target += MemoryLayout<UInt32>.size
    if let byte {
      target.storeBytes(of: byte, as: UInt8.self)
      target += 1
    }
    bytes.withUnsafeBytes { source in
      if let from = source.baseAddress { target.copyMemory(from: from, byteCount: count) }
    }
  }

  /// Appends bytes.
  @inlinable
  public mutating func append(_ bytes: [UInt8]) {
    append(bytes.span.bytes)
  }

  /// Appends the UTF-8 bytes of `text`, without a length.
  @inlinable
  public mutating func append(utf8 text: String) {
    append(text.utf8.span.bytes)
  }

  /// Appends an unsigned integer in groups of seven bits, lowest first: one byte below 128, ten at most.
  @inlinable
  public mutating func append(varint value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    append(UInt8(truncatingIfNeeded: rest))
  }

  /// Writes an integer, big-endian, over bytes written before.
  ///
  /// Does nothing unless all its bytes lie within what is written.
  @inlinable
  public mutating func overwrite<Integer: FixedWidthInteger & BitwiseCopyable>(_ integer: Integer, at offset: Int) {
    guard let base, offset >= 0, offset <= length - MemoryLayout<Integer>.size else { return }
    (base + offset).storeBytes(of: integer.bigEndian, as: Integer.self)
  }

  /// Forgets everything behind the first `count` bytes, and keeps the storage.
  @inlinable
  public mutating func truncate(to count: Int) {
    if count >= 0 && count < length { length = count }
  }

  /// Removes `count` bytes at `offset`, behind which what follows moves up.
  ///
  /// Does nothing unless they lie within what is written.
  mutating func remove(at offset: Int, count: Int) {
    guard let base, offset >= 0, count >= 0, offset <= length - count else { return }
    (base + offset).copyMemory(from: base + offset + count, byteCount: length - offset - count)
    length -= count
  }

  /// Puts in front of what follows `offset` how many bytes that is, as ``append(varint:)`` writes it.
  ///
  /// Does nothing unless the offset lies within what is written.
  package mutating func insertCount(at offset: Int) {
    guard offset >= 0, offset <= length else { return }
    let count = length - offset
    // Once to learn its size and make room, and then in its place.
    append(varint: UInt64(count))
    let size = length - offset - count
    guard count > 0, let base else { return }
    (base + offset + size).copyMemory(from: base + offset, byteCount: count)
    length = offset
    append(varint: UInt64(count))
    length += count
  }

  /// Gives up the storage, keeping nothing.
  public mutating func reset() {
    if let base { Heap.free(base) }
    base = nil
    room = 0
    length = 0
  }

  /// Offers up to `limit` bytes of unused room to `body`; what it fills in becomes written by ``advance(_:)``.
  package mutating func withRoom(limit: Int, _ body: (inout MutableRawSpan) -> Void) {
    guard let base, limit > 0, room > length else { return }
    var span = MutableRawSpan(_unsafeStart: base + length, byteCount: min(limit, room - length))
    body(&span)
  }

  /// Counts `count` bytes as written that were filled in through ``withRoom(limit:_:)``.
  package mutating func advance(_ count: Int) {
    length = min(room, length + max(0, count))
  }
}
