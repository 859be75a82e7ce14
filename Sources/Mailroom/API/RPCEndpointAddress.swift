/// Names one endpoint: its name, and the address of its environment if that one listens.
///
/// A value that compares by its text. A name has 1 to 65535 of the characters that stand in a URL's user info without
/// escapes (RFC 3986): ASCII letters, digits and `-._~!$&'()*+,;=:`. So a name means the same in a URL, on the wire and
/// in every language: there is one spelling of it, and comparing bytes compares names.
public struct RPCEndpointAddress: Hashable, Sendable, CustomStringConvertible {
  /// Where the endpoint's environment listens; nil for an environment in client mode, which does not.
  public let rpcAddress: RPCAddress?
  /// The endpoint's name.
  public let name: String

  /// The endpoint of the given name at `rpcAddress`, or in a client-mode environment when that is nil.
  ///
  /// - Complexity: O(length of the name).
  /// - Throws: ``RPCError`` with code ``RPCError/Code/invalidAddress`` when the name is not one.
  public init(name: String, rpcAddress: RPCAddress?) throws(RPCError) {
    do throws(AddressFlaw) {
      try self.init(checkedName: name, rpcAddress: rpcAddress)
    } catch {
      throw error.reported(as: "Invalid endpoint name", of: AddressFlaw.excerpt(of: name))
    }
  }

  /// The endpoint of the given name at the given host and port.
  ///
  /// - Complexity: O(length of name and host).
  /// - Throws: ``RPCError`` with code ``RPCError/Code/invalidAddress`` when the name, the host or the port is not one.
  public init(name: String, host: String, port: Int) throws(RPCError) {
    try self.init(name: name, rpcAddress: RPCAddress(host: host, port: port))
  }

  /// Reads `rpc://name@host:port` or `spark://name@host:port`.
  ///
  /// The scheme is lower case, name and port are required, and nothing else may stand in the text. The forms of
  /// client-mode endpoints are refused: they say who somebody is, but not where.
  ///
  /// - Complexity: O(length of the text).
  /// - Throws: ``RPCError`` with code ``RPCError/Code/invalidAddress`` and a message that starts with
  ///   "Invalid Spark URL: ", the reference's wording, and ends with the reason.
  public init(_ uri: String) throws(RPCError) {
    do throws(AddressFlaw) {
      guard let rest = URLScheme.rest(of: uri, after: [.rpc, .spark]) else {
        guard URLScheme.rest(of: uri, after: [.rpcClient, .sparkClient]) == nil else {
          throw AddressFlaw("a client-mode endpoint has no address to connect to; only its reference can be passed on")
        }
        throw AddressFlaw("the scheme is neither rpc:// nor spark://")
      }
      guard let at = rest.utf8.firstIndex(of: UInt8(ascii: "@")) else {
        throw AddressFlaw("there is no endpoint name before an @")
      }
      let authority = Substring(rest.utf8[at...].dropFirst())
      try self.init(checkedName: String(rest[..<at]), rpcAddress: RPCAddress(authority: authority))
    } catch {
      throw error.reported(as: "Invalid Spark URL", of: AddressFlaw.excerpt(of: uri))
    }
  }

  private init(checkedName name: String, rpcAddress: RPCAddress?) throws(AddressFlaw) {
    let bytes = name.utf8
    guard !bytes.isEmpty else { throw AddressFlaw("the endpoint name is empty") }
    guard bytes.count <= Self.maxNameBytes else {
      throw AddressFlaw("the endpoint name is longer than \(Self.maxNameBytes) bytes")
    }
    guard bytes.allSatisfy({ $0.isASCIIAlphanumeric || Self.namePunctuation.contains($0) }) else {
      throw AddressFlaw("an endpoint name has ASCII letters, digits and \(Self.namePunctuation) only")
    }
    self.name = name
    self.rpcAddress = rpcAddress
  }

  /// "rpc://name@host:port", or "rpc-client://name" in client mode.
  public var description: String { text(.rpc, clientMode: .rpcClient) }

  /// "spark://name@host:port", or "spark-client://name" in client mode: the spelling of the reference system.
  public var sparkURI: String { text(.spark, clientMode: .sparkClient) }

  private func text(_ scheme: URLScheme, clientMode: URLScheme) -> String {
    guard let rpcAddress else { return clientMode.prefix + name }
    return "\(scheme.prefix)\(name)@\(rpcAddress.hostPort)"
  }

  /// What the envelope's 16-bit length can say.
  private static let maxNameBytes = 65535

  private static let namePunctuation = "-._~!$&'()*+,;=:".utf8
}
