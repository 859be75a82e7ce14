public import MailroomTransport

/// References travel: name, address and owner are written, and the reader's environment makes a reference of its own of them.
extension RPCEndpointRef: RPCValue {
  /// Writes the name, the id of the endpoint's environment, and where that listens, if it does.
  public func encode(into writer: inout RPCWriter) {
    name.encode(into: &writer)
    ownerID.encode(into: &writer)
    writer.append(address == nil ? 0 : 1)
    guard let address else { return }
    address.host.encode(into: &writer)
    writer.append(integer: UInt16(address.port))
  }

  /// Reads a reference, bound to the environment that received the message.
  public init(from reader: inout RPCReader) throws {
    let name = try String(from: &reader)
    let owner = try RPCEnvID(from: &reader)
    var address: RPCAddress?
    if try Bool(from: &reader) {
      let host = try String(from: &reader)
      address = try RPCAddress(host: host, port: Int(try reader.read(UInt16.self)))
    }
    self = try Self.received(name: name, address: address, owner: owner, from: reader.source)
  }

  /// The id of the endpoint's environment; zero for one that was looked up by its address, which tells it just as well.
  private var ownerID: RPCEnvID {
    if case .local = target { env.id } else { owner ?? RPCEnvID(high: 0, low: 0) }
  }

  private static func received(
    name: String, address: RPCAddress?, owner: RPCEnvID, from source: MessageSource?
  ) throws(RPCError) -> RPCEndpointRef {
    guard let source else { throw RPCError(.undecodable, "a reference can only be decoded by an environment") }
    let checked = try RPCEndpointAddress(name: name, rpcAddress: address).name
    return try source.env.receivedRef(name: checked, address: address, owner: owner, from: source.peer)
  }
}

extension RPCEndpointRef: Codable {
  private enum CodingKeys: String, CodingKey {
    case name, host, port, ownerHigh, ownerLow
  }

  /// Encodes the name, the id of the endpoint's environment, and where that listens, if it does.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    try container.encode(ownerID.high, forKey: .ownerHigh)
    try container.encode(ownerID.low, forKey: .ownerLow)
    try container.encodeIfPresent(address?.host, forKey: .host)
    try container.encodeIfPresent(address?.port, forKey: .port)
  }

  /// Decodes a reference inside a message; elsewhere there is no environment to bind it to, and this throws.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let name = try container.decode(String.self, forKey: .name)
    let owner = RPCEnvID(
      high: try container.decode(UInt64.self, forKey: .ownerHigh),
      low: try container.decode(UInt64.self, forKey: .ownerLow))
    var address: RPCAddress?
    if let host = try container.decodeIfPresent(String.self, forKey: .host) {
      address = try RPCAddress(host: host, port: try container.decode(Int.self, forKey: .port))
    }
    let source = CodingUserInfoKey.messageSource.flatMap { decoder.userInfo[$0] as? MessageSource }
    self = try Self.received(name: name, address: address, owner: owner, from: source)
  }
}
