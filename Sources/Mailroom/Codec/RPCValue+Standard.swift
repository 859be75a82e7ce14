public import MailroomTransport

extension RPCValue where Self: Codable & FixedWidthInteger & BitwiseCopyable {
  /// Writes the integer, big-endian, in its full width.
  public func encode(into writer: inout RPCWriter) { writer.append(integer: self) }
  /// Reads the integer.
  public init(from reader: inout RPCReader) throws { self = try reader.read(Self.self) }
}

extension Int8: RPCValue {}
extension Int16: RPCValue {}
extension Int32: RPCValue {}
extension Int64: RPCValue {}
extension UInt8: RPCValue {}
extension UInt16: RPCValue {}
extension UInt32: RPCValue {}
extension UInt64: RPCValue {}
extension Int: RPCValue {}
extension UInt: RPCValue {}

extension Bool: RPCValue {
  /// Writes one byte, 0 or 1.
  public func encode(into writer: inout RPCWriter) { writer.append(self ? 1 : 0) }
  /// Reads one byte; any but 0 and 1 is refused.
  public init(from reader: inout RPCReader) throws {
    switch try reader.readByte() {
    case 0: self = false
    case 1: self = true
    default: throw RPCError(.undecodable, "a byte that is neither 0 nor 1 is no truth value")
    }
  }
}

extension Double: RPCValue {
  /// Writes the eight bytes of its IEEE 754 form.
  public func encode(into writer: inout RPCWriter) { writer.append(integer: bitPattern) }
  /// Reads the eight bytes.
  public init(from reader: inout RPCReader) throws { self.init(bitPattern: try reader.read(UInt64.self)) }
}

extension Float: RPCValue {
  /// Writes the four bytes of its IEEE 754 form.
  public func encode(into writer: inout RPCWriter) { writer.append(integer: bitPattern) }
  /// Reads the four bytes.
  public init(from reader: inout RPCReader) throws { self.init(bitPattern: try reader.read(UInt32.self)) }
}

extension String: RPCValue {
  /// Writes a varint length and the UTF-8 bytes.
  public func encode(into writer: inout RPCWriter) {
    writer.append(varint: UInt64(utf8.count))
    writer.append(utf8: self)
  }
  /// Reads a varint length and the UTF-8 bytes; anything that is not UTF-8 is refused.
  public init(from reader: inout RPCReader) throws {
    let count = try reader.readCount()
    self = try reader.readUTF8(count: count)
  }
}

extension Optional: RPCValue where Wrapped: RPCValue {
  /// Writes one byte, 0 or 1, and after 1 the value.
  public func encode(into writer: inout RPCWriter) throws {
    (self != nil).encode(into: &writer)
    try self?.encode(into: &writer)
  }
  /// Reads one byte, and after 1 the value.
  public init(from reader: inout RPCReader) throws {
    self = try Bool(from: &reader) ? Wrapped(from: &reader) : nil
  }
}

extension Array: RPCValue where Element: RPCValue {
  /// Writes a varint count and the elements.
  ///
  /// Bytes are written as one block.
  public func encode(into writer: inout RPCWriter) throws {
    writer.append(varint: UInt64(count))
    if let bytes = self as? [UInt8] { return writer.append(bytes) }
    for element in self { try element.encode(into: &writer) }
  }
  /// Reads a varint count and the elements.
  public init(from reader: inout RPCReader) throws {
    if Element.self == UInt8.self {
      let count = try reader.readCount()
      guard let bytes = try reader.readArray(count: count) as? [Element] else {
        throw RPCError(.undecodable, "bytes expected")
      }
      self = bytes
      return
    }
    // The count is not trusted for memory: elements may be empty on the wire and large in memory.
    let count = try reader.readVarint()
    guard count <= UInt64(Swift.max(reader.remaining, 1 << 16)) else {
      throw RPCError(.undecodable, "an array of \(count) elements does not fit the message")
    }
    self = []
    reserveCapacity(Swift.min(Int(count), 1024))
    for _ in 0..<Int(count) { append(try Element(from: &reader)) }
  }
}

extension Dictionary: RPCValue where Key: RPCValue, Value: RPCValue {
  /// Writes a varint count and the pairs, in the dictionary's order.
  public func encode(into writer: inout RPCWriter) throws {
    writer.append(varint: UInt64(count))
    for (key, value) in self {
      try key.encode(into: &writer)
      try value.encode(into: &writer)
    }
  }
  /// Reads a varint count and the pairs; a key that comes twice is refused.
  public init(from reader: inout RPCReader) throws {
    let count = try reader.readVarint()
    guard count <= UInt64(Swift.max(reader.remaining, 1 << 16)) else {
      throw RPCError(.undecodable, "a dictionary of \(count) pairs does not fit the message")
    }
    self = [:]
    for _ in 0..<Int(count) {
      let key = try Key(from: &reader)
      if updateValue(try Value(from: &reader), forKey: key) != nil {
        throw RPCError(.undecodable, "a dictionary has the same key twice")
      }
    }
  }
}
