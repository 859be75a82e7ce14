internal import MailroomTransport

/// What stands in front of a message's content: who sends it, and to which endpoint.
///
/// Borrowed from the message.
///
/// ```
///   uint8 hasSender    [jutf host, int32 port]     the sending environment's listen address; none in client mode
///   uint8 hasReceiver  [jutf host, int32 port]     the address in the reference; not looked at by the receiver
///   jutf  endpoint name
///   …     content
/// ```
///
/// `jutf` is a uint16 length and Java's modified UTF-8. The format is the reference's (RequestMessage), so that both kinds of
/// process understand it.
///
/// A peer that keeps envelopes is told once, by a frame of type 68, that a number stands for one. From then on messages have the
/// number in its place:
///
/// ```
///   uint16 0x8000 + number        below 16 384; no envelope begins so, for its first byte is 0 or 1
///   uint32 0xC0000000 + number    from there on, in place of the uint16
///   …      content
/// ```
///
/// A number may stand for an envelope and the ``MessageHead`` behind it, too, if the peer keeps such: then what follows is the value
/// alone, and says by itself nothing of its type.
///
/// What numbers are given is up to ``PrefixNumbers``, what is made of them to ``NumberedEnvelopes``; that a peer keeps envelopes,
/// and how many, its ``Introduction`` says.
struct Envelope: ~Escapable {
  let senderHost: RawSpan?
  let senderPort: Int32
  let name: RawSpan
  let content: RawSpan

  /// Parses the body of a request or a one-way message.
  @_lifetime(copy body)
  init(parsing body: RawSpan) throws(ByteReader.Malformed) {
    var reader = ByteReader(body)
    if try Envelope.readFlag(&reader) {
      senderHost = try Envelope.readText(&reader)
      senderPort = try reader.read(Int32.self)
    } else {
      senderHost = nil
      senderPort = 0
    }
    if try Envelope.readFlag(&reader) {
      _ = try Envelope.readText(&reader)
      _ = try reader.read(Int32.self)
    }
    name = try Envelope.readText(&reader)
    content = reader.readRest()
  }

  /// The sending environment's address, when it has one and it is well-formed.
  var sender: RPCAddress? {
    guard let senderHost, let host = ModifiedUTF8.decode(senderHost) else { return nil }
    return try? RPCAddress(host: host, port: Int(senderPort))
  }

  private static func readFlag(_ reader: inout ByteReader) throws(ByteReader.Malformed) -> Bool {
    switch try reader.readByte() {
    case 0: false
    case 1: true
    default: throw reader.malformed("a flag of 0 or 1")
    }
  }

  @_lifetime(copy reader)
  private static func readText(_ reader: inout ByteReader) throws(ByteReader.Malformed) -> RawSpan {
    let count = try reader.read(UInt16.self)
    return try reader.read(count: Int(count))
  }

  /// The bytes of an envelope, to stand in front of content.
  ///
  /// - Throws: ``RPCError`` with ``RPCError/Code/invalidAddress`` when a text is longer than its length field can say.
  static func bytes(sender: RPCAddress?, receiver: RPCAddress?, name: String) throws(RPCError) -> [UInt8] {
    var writer = ByteWriter()
    try append(sender, to: &writer)
    try append(receiver, to: &writer)
    try append(name, to: &writer)
    return writer.array()
  }

  private static func append(_ address: RPCAddress?, to writer: inout ByteWriter) throws(RPCError) {
    guard let address else { return writer.append(0) }
    writer.append(1)
    try append(address.host, to: &writer)
    writer.append(integer: Int32(address.port))
  }

  private static func append(_ text: String, to writer: inout ByteWriter) throws(RPCError) {
    let bytes = ModifiedUTF8.encode(text)
    guard let count = UInt16(exactly: bytes.count) else {
      throw RPCError(
        .invalidAddress, "a name of \(bytes.count) bytes is too long for the wire", execution: .notExecuted)
    }
    writer.append(integer: count)
    writer.append(bytes)
  }
}
