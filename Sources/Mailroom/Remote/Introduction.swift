internal import MailroomTransport

/// What two environments tell each other before anything else goes over a connection that one of them made.
///
/// ```
///   request, to the endpoint "mailroom-introduction"     0E  version  16 bytes: the asker's id
///   reply                                                 0E  version  16 bytes: the answerer's id
///                                                         flag  [varint length, host, uint16 port]: where it listens
/// ```
///
/// Where the asker listens stands in the request's envelope. It is an ordinary request, so a peer of the reference system
/// answers it with a failure, since its content is no Java object; such a peer gets no frames that it does not know.
struct Introduction: Equatable {
  /// The name of the endpoint that introductions are addressed to; no endpoint of users can have it.
  static let endpointName = "mailroom-introduction"

  private static let mark: UInt8 = 0x0E
  private static let version: UInt8 = 1

  /// Whose introduction it is.
  let id: RPCEnvID
  /// Where it listens; in a reply only.
  let address: RPCAddress?

  /// Whether content is an introduction, well-formed or not.
  static func isIntroduction(_ content: RawSpan) -> Bool { content.byte(at: 0) == mark }

  /// Appends the content of the request.
  func appendRequest(to writer: inout ByteWriter) {
    writer.append(Self.mark)
    writer.append(Self.version)
    id.encode(into: &writer)
  }

  /// Appends the body of the reply.
  func appendReply(to writer: inout ByteWriter) {
    appendRequest(to: &writer)
    (address != nil).encode(into: &writer)
    guard let address else { return }
    address.host.encode(into: &writer)
    writer.append(integer: UInt16(address.port))
  }

  /// Reads the content of a request; what a later version appends is not looked at.
  init(request content: RawSpan) throws {
    var reader = RPCReader(content, from: nil)
    try self.init(from: &reader, isReply: false)
  }

  /// Reads the body of a reply; what a later version appends is not looked at.
  init(reply body: RawSpan) throws {
    var reader = RPCReader(body, from: nil)
    try self.init(from: &reader, isReply: true)
  }

  init(id: RPCEnvID, address: RPCAddress?) {
    self.id = id
    self.address = address
  }

  private init(from reader: inout RPCReader, isReply: Bool) throws {
    guard try reader.readByte() == Self.mark, try reader.readByte() >= Self.version else {
      throw RPCError(.undecodable, "this is no introduction")
    }
    id = try RPCEnvID(from: &reader)
    guard isReply, try Bool(from: &reader) else {
      address = nil
      return
    }
    let host = try String(from: &reader)
    address = try RPCAddress(host: host, port: Int(try reader.read(UInt16.self)))
  }
}
