internal import CLibUV

/// An IP address and port, of either family.
///
/// A value.
package struct SocketAddress: Sendable {
  private var storage: sockaddr_storage

  /// Parses a numeric address; nil when `host` is no IPv4 or IPv6 literal (without brackets), or there is no such port.
  package init?(numericHost host: String, port: Int) {
    guard let port = UInt16(exactly: port).map(Int32.init) else { return nil }
    var ipv4 = sockaddr_in()
    var ipv6 = sockaddr_in6()
    storage = sockaddr_storage()
    let parsed: Bool
    if uv_ip4_addr(host, port, &ipv4) == 0 {
      parsed = withUnsafeBytes(of: &ipv4) { Self.copy($0, to: &storage) }
    } else if uv_ip6_addr(host, port, &ipv6) == 0 {
      parsed = withUnsafeBytes(of: &ipv6) { Self.copy($0, to: &storage) }
    } else {
      return nil
    }
    if !parsed { return nil }
  }

  init?(_ address: UnsafePointer<sockaddr>?) {
    guard let address else { return nil }
    storage = sockaddr_storage()
    if mailroom_sockaddr_copy(&storage, address) != 0 { return nil }
  }

  private static func copy(_ bytes: UnsafeRawBufferPointer, to storage: inout sockaddr_storage) -> Bool {
    guard let address = bytes.assumingMemoryBound(to: sockaddr.self).baseAddress else { return false }
    return mailroom_sockaddr_copy(&storage, address) == 0
  }

  func withSockaddr<Result>(_ body: (UnsafePointer<sockaddr>?) -> Result) -> Result {
    withUnsafePointer(to: storage) { body(mailroom_sockaddr($0)) }
  }

  /// The port.
  package var port: Int { withSockaddr { address in address.map { Int(mailroom_sockaddr_port($0)) } ?? 0 } }

  /// The numeric address, without brackets.
  package var host: String {
    var name = [CChar](repeating: 0, count: 64)
    let result = withSockaddr { uv_ip_name($0, &name, name.count) }
    guard result == 0 else { return "?" }
    return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
