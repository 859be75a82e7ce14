internal import Glibc
internal import Mailroom

/// Tells what the server process has cost so far.
final class ControlEndpoint: RPCEndpoint {
  /// The name that ``Serve`` registers it under.
  static let name = "bench-control"

  static func handlers(_ on: inout RPCHandlers<ControlEndpoint>) {
    on.ask(CostSoFar.self) { _, _ in try ProcessCost.now() }
  }
}

/// Asks a ``ControlEndpoint`` for its process's cost.
struct CostSoFar: RPCRequest, Codable {
  typealias Reply = ProcessCost
}

/// What a process has cost so far.
struct ProcessCost: RPCValue, Codable {
  let counts: Counts
  /// Whether allocations and system calls are counted there.
  let isComplete: Bool
  /// The resident set.
  let residentBytes: Int

  static func now() throws -> ProcessCost {
    ProcessCost(
      counts: Counts.now(), isComplete: Counts.areComplete, residentBytes: try ResidentSets.bytes(of: getpid()))
  }
}
