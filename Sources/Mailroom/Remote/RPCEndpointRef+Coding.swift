public import MailroomTransport

/// References travel: name and address are written, and the reader's environment makes a reference of its own of them.
extension RPCEndpointRef: RPCValue {
  /// Writes name, and host and port if there is an address.
  public func encode(into writer: inout RPCWriter) {
    name.encode(into: &writer)
    writer.append(address == nil ? 0 : 1)
    guard let address else { return }
    address.host.encode(into: &writer)
    writer.append(integer: UInt16(address.port))
  }

  /// Reads a reference, bound to the environment that received the message.
  public init(from reader: inout RPCReader) throws {
    let name = try String(from: &reader)
    var address: RPCAddress?
    if try Bool(from: &reader) {
      let host = try String(from: &reader)
      address = try RPCAddress(host: host, port: Int(try reader.read(UInt16.self)))
    }
    self = try Self.received(name: name, address: address, from: reader.source)
  }

  private static func received(
    name: String, address: RPCAddress?, from source: MessageSource?
  ) throws(RPCError) -> RPCEndpointRef {
    guard let env = source?.env else {
      throw RPCError(.undecodable, "a reference can only be decoded by an environment")
    }
    return try env.receivedRef(name: RPCEndpointAddress(name: name, rpcAddress: address).name, address: address)
  }
}

extension RPCEndpointRef: Codable {
  private enum CodingKeys: String, CodingKey {
    case name, host, port
  }

  /// Encodes name, and host and port if there is an address.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    try container.encodeIfPresent(address?.host, forKey: .host)
    try container.encodeIfPresent(address?.port, forKey: .port)
  }

  /// Decodes a reference inside a message; elsewhere there is no environment to bind it to, and this throws.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let name = try container.decode(String.self, forKey: .name)
    var address: RPCAddress?
    if let host = try container.decodeIfPresent(String.self, forKey: .host) {
      address = try RPCAddress(host: host, port: try container.decode(Int.self, forKey: .port))
    }
    let source = CodingUserInfoKey.messageSource.flatMap { decoder.userInfo[$0] as? MessageSource }
    self = try Self.received(name: name, address: address, from: source)
  }
}
