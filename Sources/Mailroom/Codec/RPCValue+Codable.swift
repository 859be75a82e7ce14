public import MailroomTransport

extension CodingUserInfoKey {
  /// What references in a message are bound to.
  static var messageSource: CodingUserInfoKey? { CodingUserInfoKey(rawValue: "mailroom.source") }
}

extension RPCValue where Self: Codable {
  /// Encodes by the compact binary coder: a varint length, then the coder's bytes.
  public func encode(into writer: inout RPCWriter) throws {
    let start = writer.count
    try BinaryEncoder().encode(self, to: &writer)
    writer.insertCount(at: start)
  }

  /// Decodes by the compact binary coder.
  public init(from reader: inout RPCReader) throws {
    let count = try reader.readCount()
    let bytes = try reader.readArray(count: count)
    self = try BinaryDecoder(source: reader.source).decode(Self.self, from: bytes)
  }
}
