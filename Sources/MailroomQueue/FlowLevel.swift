/// How full a ``FlowGauge`` is, in one word: pure values, so that every step can be one compare-and-swap.
///
/// ```
///   bit 63        somebody waits for room
///   bits 62…40    messages
///   bits 39…0     bytes
/// ```
///
/// Both counts saturate nowhere: the gauge's owner bounds what it adds without asking far below 2^23 messages and 2^40 bytes.
public struct FlowLevel: Equatable, Sendable {
  static let waitingBit: UInt64 = 1 << 63
  static let bytesMask: UInt64 = (1 << 40) - 1
  static let messagesMask: UInt64 = (1 << 23) - 1

  var bits: UInt64

  init(bits: UInt64) { self.bits = bits }

  /// What `messages` messages of `bytes` bytes in all add.
  static func amount(messages: Int, bytes: Int) -> UInt64 { UInt64(messages) << 40 &+ UInt64(bytes) }

  /// Queued messages.
  public var messages: Int { Int(bits >> 40 & Self.messagesMask) }
  /// Queued bytes.
  public var bytes: Int { Int(bits & Self.bytesMask) }
  /// Whether somebody waits.
  var isAwaited: Bool { bits & Self.waitingBit != 0 }
}

/// From where on a queue is full, and from where on it has room again.
public struct FlowMarks: Equatable, Sendable {
  /// Messages at which the queue is full.
  let messages: Int
  /// Bytes at which the queue is full.
  let bytes: Int

  /// Marks at `messages` and `bytes`, at least one each; the queue has room again at half of both.
  public init(messages: Int, bytes: Int) {
    self.messages = min(max(1, messages), 1 << 22)
    self.bytes = min(max(1, bytes), 1 << 38)
  }

  /// Whether a queue of this level takes nothing more.
  func isFull(_ level: FlowLevel) -> Bool { level.messages >= messages || level.bytes >= bytes }
  /// Whether a queue that was full has room again.
  func hasRoom(_ level: FlowLevel) -> Bool { level.messages <= messages / 2 && level.bytes <= bytes / 2 }
}
