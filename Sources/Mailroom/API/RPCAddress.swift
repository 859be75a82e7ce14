/// Where an environment listens: a host and a port.
///
/// A value that compares by its text. A host name is kept as it was written and never resolved, so "localhost" and
/// "127.0.0.1" are two addresses and get two connections; the spellings of one IPv6 address are one address. What the
/// parts may hold is what both of the URL forms can carry without escapes:
///
/// - host name or IPv4 address: 1 to 255 of the ASCII letters, digits, "-", "." and "_". International names go in
///   their "xn--" form.
/// - IPv6 address: any spelling, with or without brackets. A zone ("%eth0") is refused, because an address travels to
///   other machines and a zone means nothing there.
public struct RPCAddress: Hashable, Sendable, CustomStringConvertible {
  /// The host: a name, an IPv4 address, or an IPv6 address in brackets and in the canonical form of RFC 5952.
  public let host: String
  /// The port, 0 to 65535; 0 only where any free port is asked for.
  public let port: Int

  /// An address of the given parts, with an IPv6 `host` brought into canonical form: "::0:1" becomes "[::1]".
  ///
  /// - Complexity: O(length of the host); allocates for IPv6 only.
  /// - Throws: ``RPCError`` with code ``RPCError/Code/invalidAddress`` when the host or the port is not one.
  public init(host: String, port: Int) throws(RPCError) {
    do throws(AddressFlaw) {
      try self.init(checkedHost: host, port: port)
    } catch {
      throw error.reported(as: "Invalid address", of: "\(AddressFlaw.excerpt(of: host)):\(port)")
    }
  }

  /// Reads `rpc://host:port` or `spark://host:port`.
  ///
  /// The scheme is lower case, the port is required, and nothing else may stand in the text: no user info, path, query
  /// or fragment, not even an empty one.
  ///
  /// - Complexity: O(length of the text).
  /// - Throws: ``RPCError`` with code ``RPCError/Code/invalidAddress`` and a message that starts with
  ///   "Invalid master URL: ", the reference's wording, and ends with the reason.
  public init(url: String) throws(RPCError) {
    do throws(AddressFlaw) {
      guard let rest = URLScheme.rest(of: url, after: [.rpc, .spark]) else {
        throw AddressFlaw("the scheme is neither rpc:// nor spark://")
      }
      try self.init(authority: rest)
    } catch {
      throw error.reported(as: "Invalid master URL", of: AddressFlaw.excerpt(of: url))
    }
  }

  /// Reads `host:port`, the part that address and endpoint URLs share.
  init(authority: Substring) throws(AddressFlaw) {
    let bytes = authority.utf8
    guard !bytes.contains(UInt8(ascii: "@")) else { throw AddressFlaw("there is an @ where the host should be") }
    guard !bytes.contains(where: { "/?#".utf8.contains($0) }) else {
      throw AddressFlaw("nothing may follow the port")
    }
    var searchStart = bytes.startIndex
    if bytes.first == UInt8(ascii: "[") {
      // Inside of brackets a colon is part of the host.
      guard let closing = bytes.firstIndex(of: UInt8(ascii: "]")) else { throw AddressFlaw.bracket }
      searchStart = closing
    }
    guard let colon = bytes[searchStart...].firstIndex(of: UInt8(ascii: ":")) else {
      throw AddressFlaw("there is no port")
    }
    let digits = bytes[colon...].dropFirst()
    guard !digits.contains(UInt8(ascii: ":")) else { throw AddressFlaw("an IPv6 host has to be in brackets") }
    try self.init(checkedHost: String(authority[..<colon]), port: Self.port(in: digits))
  }

  private init(checkedHost host: String, port: Int) throws(AddressFlaw) {
    guard Self.ports.contains(port) else { throw AddressFlaw.port }
    self.host = try Self.canonical(host: host)
    self.port = port
  }

  /// "host:port".
  public var hostPort: String { "\(host):\(port)" }

  /// "rpc://host:port".
  public var url: String { "\(URLScheme.rpc.prefix)\(hostPort)" }

  /// "spark://host:port", the spelling that peers of the reference system read.
  public var sparkURL: String { "\(URLScheme.spark.prefix)\(hostPort)" }

  /// The address as ``hostPort``.
  public var description: String { hostPort }

  /// The host as a resolver or a socket takes it: without the brackets of an IPv6 address.
  var dialHost: String {
    host.utf8.first == UInt8(ascii: "[") ? String(host.dropFirst().dropLast()) : host
  }

  private static let ports = 0...65535

  /// As long as the domain name system lets a name be.
  private static let maxHostBytes = 255

  private static func canonical(host: String) throws(AddressFlaw) -> String {
    let bytes = host.utf8
    guard !bytes.isEmpty else { throw AddressFlaw("the host is empty") }
    guard bytes.count <= maxHostBytes else { throw AddressFlaw("the host is longer than \(maxHostBytes) bytes") }
    if bytes.first == UInt8(ascii: "[") || bytes.contains(UInt8(ascii: ":")) {
      return "[\(try ipv6(in: host[...].utf8))]"
    }
    guard bytes.allSatisfy({ $0.isASCIIAlphanumeric || "-._".utf8.contains($0) }) else {
      throw AddressFlaw("a host has letters, digits, \"-\", \".\" and \"_\" only")
    }
    return host
  }

  private static func ipv6(in host: Substring.UTF8View) throws(AddressFlaw) -> IPv6Literal {
    var literal = host
    if literal.first == UInt8(ascii: "[") {
      guard literal.last == UInt8(ascii: "]") else { throw AddressFlaw.bracket }
      literal = literal.dropFirst().dropLast()
    }
    guard !literal.contains(UInt8(ascii: "%")) else {
      throw AddressFlaw("an IPv6 zone has a meaning on one machine only")
    }
    guard let address = IPv6Literal(literal) else { throw AddressFlaw("the host is not an IPv6 address") }
    return address
  }

  private static func port(in digits: Substring.UTF8View) throws(AddressFlaw) -> Int {
    guard !digits.isEmpty else { throw AddressFlaw("the port is empty") }
    var port = 0
    for digit in digits {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else {
        throw AddressFlaw("the port has something else than digits")
      }
      port = port * 10 + Int(digit - UInt8(ascii: "0"))
      // Checked digit by digit: a long enough text would overflow.
      guard ports.contains(port) else { throw AddressFlaw.port }
    }
    return port
  }
}

/// The schemes of addresses and endpoints, ours and the reference's.
enum URLScheme: String {
  /// Ours.
  case rpc
  /// The reference's.
  case spark
  /// Ours, of an endpoint whose environment does not listen.
  case rpcClient = "rpc-client"
  /// The reference's, of an endpoint whose environment does not listen.
  case sparkClient = "spark-client"

  /// The scheme with the "://" that ends it.
  var prefix: String { rawValue + "://" }

  /// What follows the scheme in `text`; nil when `text` has none of `schemes`.
  static func rest(of text: String, after schemes: [URLScheme]) -> Substring? {
    for scheme in schemes {
      // Bytes, because a combining character behind the last slash would hide it from a comparison of characters.
      let prefix = scheme.prefix.utf8
      if text.utf8.starts(with: prefix) { return Substring(text.utf8.dropFirst(prefix.count)) }
    }
    return nil
  }
}

/// Why a text is not an address, before it is known which text the user should be shown.
struct AddressFlaw: Error {
  /// What is wrong, as the end of a message.
  let reason: String

  /// A flaw of the given kind.
  init(_ reason: String) { self.reason = reason }

  /// A number that is not a port.
  static let port = Self("a port is 0 to 65535")
  /// An opening bracket that the host does not end with a closing one.
  static let bracket = Self("the host's brackets do not enclose it")

  /// The error for the user: "kind: text (reason)".
  func reported(as kind: String, of text: String) -> RPCError {
    RPCError(.invalidAddress, "\(kind): \(text) (\(reason))", execution: .notExecuted)
  }

  /// The start of `text`, fit for a message.
  ///
  /// The text may come from a stranger: what is long is cut, and what is not printable ASCII is escaped, so that it
  /// cannot forge a line of a log.
  static func excerpt(of text: String) -> String {
    let limit = 256
    let scalars = text.unicodeScalars
    var excerpt = ""
    for scalar in scalars.prefix(limit) {
      excerpt += (" "..."~").contains(scalar) ? String(scalar) : scalar.escaped(asASCII: true)
    }
    return scalars.dropFirst(limit).isEmpty ? excerpt : excerpt + "..."
  }
}

extension UInt8 {
  /// Whether the byte is an ASCII letter or digit.
  var isASCIIAlphanumeric: Bool {
    switch self {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: false
    }
  }
}
