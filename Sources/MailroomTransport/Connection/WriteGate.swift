/// Whether a connection takes more messages to send: a pure state machine, driven by how many bytes wait for the socket.
///
/// ```
///               pending bytes ≥ high
///   ┌──────────┐ ──────────────────► ┌─────────────┐
///   │ writable │                     │ notWritable │
///   └──────────┘ ◄────────────────── └─────────────┘
///               pending bytes ≤ low
/// ```
///
/// Between the marks the state stays what it is, so that a connection at its limit does not flutter. Only answers to requests that
/// were served before are written while it is not writable.
///
/// Loop-confined.
struct WriteGate {
  enum Change: Equatable { case none, filled, drained }

  private static let overrunFactor = 16
  private static let highest = Int.max / (2 * overrunFactor)

  private let high: Int
  private let low: Int
  /// Whether messages are taken.
  private(set) var isWritable = true

  /// A gate at `high` and `low` bytes: at least one, and below `high`.
  init(high: Int, low: Int) {
    self.high = min(max(1, high), Self.highest)
    self.low = min(max(0, low), self.high - 1)
  }

  /// How many bytes a peer may send that does not read, on a connection that must read on.
  var overrun: Int { Self.overrun(high: high) }

  /// How many bytes a peer with that high mark may send without noticing that it should not.
  static func overrun(high: Int) -> Int { min(max(1, high), highest) * overrunFactor }

  /// Learns how many bytes wait; says what that changes.
  mutating func note(pendingBytes: Int) -> Change {
    if isWritable {
      if pendingBytes < high { return .none }
      isWritable = false
      return .filled
    }
    if pendingBytes > low { return .none }
    isWritable = true
    return .drained
  }

  /// How many bytes may come to `pendingBytes` before ``note(pendingBytes:)`` must be told, at least one.
  func room(beside pendingBytes: Int) -> Int {
    isWritable ? max(1, high - pendingBytes) : .max
  }
}
