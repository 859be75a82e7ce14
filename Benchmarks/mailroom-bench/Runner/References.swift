internal import Mailroom

/// The addresses that one server on this machine is reached at, each of which gets a connection of its own.
enum Addresses {
  /// `host` itself for one connection; for several, as many of this machine's own addresses, with the port of `host`.
  ///
  /// All of 127.0.0.0/8 is this machine, and an environment has one connection per address. The server has to listen at
  /// all of them, and to say that it listens at one that is not among them: else it would be known to be the same one.
  static func of(connections: Int, at host: String) throws -> [String] {
    if connections == 1 { return [host] }
    guard host.hasPrefix("127."), let port = host.split(separator: ":").last else {
      throw BenchError("several connections need a server on this machine")
    }
    return (0..<connections).map { index in "127.\(1 + index / 62_500).\(index / 250 % 250).\(1 + index % 250):\(port)"
    }
  }
}

/// References to a server's endpoints.
enum References {
  /// How many lookups are under way at a time.
  private static let together = 512

  /// To the endpoints of a scenario, over one connection.
  static func lookUp(_ scenario: Scenario, at address: String, in env: RPCEnv) async throws -> [RPCEndpointRef] {
    let names = (0..<scenario.endpoints).map { BenchEndpoints.name(scenario.dispatch, $0) }
    var refs: [RPCEndpointRef] = []
    refs.reserveCapacity(names.count)
    for start in stride(from: 0, to: names.count, by: together) {
      let some = names[start..<min(start + together, names.count)]
      refs += try await withThrowingTaskGroup(of: (Int, RPCEndpointRef).self) { group in
        for index in some.indices {
          group.addTask { (index, try await env.endpointRef("rpc://\(names[index])@\(address)")) }
        }
        var found: [(Int, RPCEndpointRef)] = []
        for try await one in group { found.append(one) }
        return found.sorted { $0.0 < $1.0 }.map(\.1)
      }
    }
    return refs
  }
}
