public import MailroomTransport

/// Where values are encoded into.
public typealias RPCWriter = ByteWriter

/// Where values are decoded from: the bytes of one message, front to back.
///
/// Every read checks that the bytes are there, and throws if not; nothing a peer sends can make it trap.
public struct RPCReader: ~Escapable {
  private var bytes: ByteReader
  /// What references in the message are bound to.
  let source: MessageSource?

  @_lifetime(copy bytes)
  init(_ bytes: RawSpan, from source: MessageSource?) {
    self.bytes = ByteReader(bytes)
    self.source = source
  }

  /// How many bytes are left.
  public var remaining: Int { bytes.remaining }

  /// Reads an integer, big-endian.
  public mutating func read<Integer: FixedWidthInteger & BitwiseCopyable>(_ type: Integer.Type) throws -> Integer {
    try bytes.read(Integer.self)
  }

  /// Reads one byte.
  public mutating func readByte() throws -> UInt8 { try bytes.readByte() }

  /// Reads an unsigned integer in groups of seven bits, as `RPCWriter.append(varint:)` writes it.
  public mutating func readVarint() throws -> UInt64 { try bytes.readVarint() }

  /// Reads a count or a length: a varint that is not above what is left, so that it is safe to reserve memory for.
  public mutating func readCount() throws -> Int {
    let count = try bytes.readVarint()
    guard count <= UInt64(bytes.remaining) else { throw bytes.malformed("a count of at most what is left") }
    return Int(count)
  }

  /// Reads `count` bytes, without copying them.
  @_lifetime(copy self)
  public mutating func read(count: Int) throws -> RawSpan { try bytes.read(count: count) }

  /// Reads `count` bytes into an array.
  public mutating func readArray(count: Int) throws -> [UInt8] { try bytes.readArray(count: count) }

  /// Reads `count` bytes of UTF-8.
  public mutating func readUTF8(count: Int) throws -> String { try bytes.readUTF8(count: count) }

  /// Reads what is left, without copying it.
  @_lifetime(copy self)
  public mutating func readRest() -> RawSpan { bytes.readRest() }
}
