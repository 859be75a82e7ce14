internal import MailroomTransport

/// What two environments tell each other before anything else goes over a connection that one of them made.
///
/// ```
///   request, to the endpoint "mailroom-introduction"     0E  version  16 bytes: the asker's id
///                                                         envelopes
///   reply                                                 0E  version  16 bytes: the answerer's id
///                                                         flag  [varint length, host, uint16 port]: where it listens
///                                                         envelopes
///   envelopes: those it keeps                             uint16 count, uint32 bytes, uint32 count
/// ```
///
/// Where the asker listens stands in the request's envelope. It is an ordinary request, so a peer of the reference system
/// answers it with a failure, since its content is no Java object; such a peer gets no frames that it does not know.
///
/// Version 1 ends before the envelopes, see ``NumberedEnvelopes``, and keeps none. Version 2 ends before the second count, which counts;
/// the first one is what of it a peer of that version may use, to whom a number has two bytes. It keeps envelopes only, version 3 also
/// those with a ``MessageHead`` behind them. What follows that a version knows is not looked at, so a peer of an earlier version
/// understands a later one, and is sent what it was sent before.
struct Introduction: Equatable {
  /// The name of the endpoint that introductions are addressed to; no endpoint of users can have it.
  static let endpointName = "mailroom-introduction"

  private static let mark: UInt8 = 0x0E

  /// Whose introduction it is.
  let id: RPCEnvID
  /// Where it listens; in a reply only.
  let address: RPCAddress?
  /// The envelopes that it keeps for the other side to number; branches are those with a head.
  let envelopes: PrefixLimits

  /// Whether content is an introduction, well-formed or not.
  static func isIntroduction(_ content: RawSpan) -> Bool { content.byte(at: 0) == mark }

  /// Appends the content of the request.
  func appendRequest(to writer: inout ByteWriter) {
    appendID(to: &writer)
    appendEnvelopes(to: &writer)
  }

  /// Appends the body of the reply.
  func appendReply(to writer: inout ByteWriter) {
    appendID(to: &writer)
    (address != nil).encode(into: &writer)
    if let address {
      address.host.encode(into: &writer)
      writer.append(integer: UInt16(address.port))
    }
    appendEnvelopes(to: &writer)
  }

  private func appendID(to writer: inout ByteWriter) {
    writer.append(Self.mark)
    writer.append(envelopes.withBranches ? 3 : 2)
    id.encode(into: &writer)
  }

  private func appendEnvelopes(to writer: inout ByteWriter) {
    writer.append(integer: UInt16(clamping: min(envelopes.count, RawSpan.firstLongPrefixNumber)))
    writer.append(integer: UInt32(clamping: envelopes.byteCount))
    if envelopes.withBranches { writer.append(integer: UInt32(clamping: envelopes.count)) }
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

  init(id: RPCEnvID, address: RPCAddress?, envelopes: PrefixLimits) {
    self.id = id
    self.address = address
    self.envelopes = envelopes
  }

  private init(from reader: inout RPCReader, isReply: Bool) throws {
    guard try reader.readByte() == Self.mark else { throw Self.notOne }
    let version = try reader.readByte()
    if version == 0 { throw Self.notOne }
    id = try RPCEnvID(from: &reader)
    if isReply, try Bool(from: &reader) {
      let host = try String(from: &reader)
      address = try RPCAddress(host: host, port: Int(try reader.read(UInt16.self)))
    } else {
      address = nil
    }
    if version == 1 {
      envelopes = .none
    } else {
      let short = min(Int(try reader.read(UInt16.self)), RawSpan.firstLongPrefixNumber)
      let byteCount = Int(try reader.read(UInt32.self))
      let count = version == 2 ? short : Int(try reader.read(UInt32.self))
      envelopes = PrefixLimits(count: count, byteCount: byteCount, withBranches: version >= 3)
    }
  }

  private static let notOne = RPCError(.undecodable, "this is no introduction")
}
