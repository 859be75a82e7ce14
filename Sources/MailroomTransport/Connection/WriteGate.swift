/// Whether a connection takes more messages to send: a pure state machine, driven by how many bytes wait for the socket.
///
/// ```
///               pending bytes ≥ high
///   ┌──────────┐ ──────────────────► ┌─────────────┐  pending bytes > overrun
///   │ writable │                     │ notWritable │ ────────────────────────► (the owner gives the connection up)
///   └──────────┘ ◄────────────────── └─────────────┘
///               pending bytes ≤ low
/// ```
///
/// Between the marks the state stays what it is, so that a connection at its limit does not flutter. Only answers are
/// written while it is not writable. Who stops reading requests meanwhile has no more of them than it had taken in;
/// who goes on reading can be overrun: by 16 times the high mark, of which a single message that was larger counts once only.
///
/// Loop-confined.
struct WriteGate {
  enum Change: Equatable { case none, filled, drained }

  private static let overrunFactor = 16

  private let high: Int
  private let low: Int
  /// What waited when the gate closed: at the mark, and at most one message above.
  private var pendingWhenFilled = 0
  /// Whether messages are taken.
  private(set) var isWritable = true

  /// A gate at `high` and `low` bytes: at least one, and below `high`.
  init(high: Int, low: Int) {
    self.high = min(max(1, high), .max / (2 * Self.overrunFactor))
    self.low = min(max(0, low), self.high - 1)
  }

  /// How far above the high mark answers may pile up.
  var overrun: Int { high * Self.overrunFactor }

  /// Learns how many bytes wait; says what that changes.
  mutating func note(pendingBytes: Int) -> Change {
    if isWritable {
      if pendingBytes < high { return .none }
      isWritable = false
      pendingWhenFilled = pendingBytes
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

  /// Whether so much waits that the peer must be given up.
  func isOverrun(pendingBytes: Int) -> Bool {
    !isWritable && pendingBytes > overrun && pendingBytes - pendingWhenFilled > overrun - high
  }
}
