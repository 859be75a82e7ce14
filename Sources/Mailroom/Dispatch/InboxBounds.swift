internal import MailroomQueue

/// How much an inbox should hold.
struct InboxBounds: Sendable {
  /// Where the inbox is full.
  let marks: FlowMarks
  /// Handled messages after which a turn tells its gauge.
  ///
  /// Small beside the bound, so that a small inbox does not look full while it is being emptied.
  let batch: Int

  /// Bounds at `messages` and `bytes`; at least one each, and at most what the marks of a gauge can be.
  init(messages: Int = 16_384, bytes: Int = 16 * 1024 * 1024) {
    let messages = min(max(1, messages), 1 << 22)
    let bytes = min(max(1, bytes), 1 << 38)
    marks = FlowMarks(messages: messages, bytes: bytes)
    batch = min(max(1, messages / 8), 64)
  }

  /// Whether a level is three quarters of what a gauge can count.
  static func isBeyondLimit(_ level: FlowLevel) -> Bool { level.messages >= 3 << 21 || level.bytes >= 3 << 38 }
}
