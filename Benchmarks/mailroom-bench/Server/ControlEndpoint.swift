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

  /// Of a process that there is not.
  static let none = ProcessCost(
    counts: Counts(
      allocations: 0, allocatedBytes: 0, reads: 0, writes: 0, polls: 0, otherCalls: 0, wakeUps: 0, contextSwitches: 0,
      cpuMicroseconds: 0), isComplete: true, residentBytes: 0)

  static func now() throws -> ProcessCost {
    ProcessCost(
      counts: Counts.now(), isComplete: Counts.areComplete, residentBytes: try ResidentSets.bytes(of: getpid()))
  }
}
