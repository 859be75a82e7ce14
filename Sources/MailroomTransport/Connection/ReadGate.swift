/// Whether a connection serves what its peer sends: a pure state machine.
///
/// ```
///            pause, fill, saturate: the first reason
///   ┌──────┐ ──────────────────────────────────────► ┌────────┐
///   │ open │                                         │ closed │
///   └──────┘ ◄────────────────────────────────────── └────────┘
///       │     resume, drain, relieve: the last reason     │
///       │                                                 │
///       └────────────────────► release ◄──────────────────┘
///                                 ▼
///                         released (open for good)
/// ```
///
/// The reasons are independent of each other: somebody paused it (counted), the peer does not read what is written to it, or
/// too many of its requests are unanswered. A connection that is ending is released: it must see its peer's end.
///
/// Loop-confined.
struct ReadGate {
  struct Reasons: OptionSet {
    let rawValue: UInt8
    /// Somebody has paused reading.
    static let paused = Reasons(rawValue: 1)
    /// The peer does not read what is written.
    static let unwritable = Reasons(rawValue: 2)
    /// Too many requests are unanswered.
    static let unanswered = Reasons(rawValue: 4)
    /// Not a reason to close the gate, but to keep it open whatever else is the case.
    fileprivate static let released = Reasons(rawValue: 8)
  }

  private(set) var reasons: Reasons = []
  private var pauses = 0

  /// Whether what comes is served.
  var isOpen: Bool { reasons.isEmpty || reasons.contains(.released) }

  /// Adds a reason other than a pause, or takes it away.
  mutating func set(_ reason: Reasons, _ isSet: Bool) {
    if isSet { reasons.insert(reason) } else { reasons.remove(reason) }
  }

  /// Holds reading until ``resume()`` was called as often.
  mutating func pause() {
    pauses += 1
    reasons.insert(.paused)
  }

  /// Takes one pause back; does nothing when there is none.
  mutating func resume() {
    if pauses > 0 { pauses -= 1 }
    if pauses == 0 { reasons.remove(.paused) }
  }

  /// Opens the gate for good.
  mutating func release() { reasons.insert(.released) }
}
