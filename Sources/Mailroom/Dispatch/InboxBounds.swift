internal import MailroomQueue

/// How much an inbox should hold.
struct InboxBounds: Sendable {
  /// Where the inbox is full.
  let marks: FlowMarks
  /// Handled messages after which a turn tells its gauge.
  ///
  /// Small beside the bound, so that a small inbox does not look full while it is being emptied.
  let batch: Int
  private let messageLimit: Int
  private let byteLimit: Int

  /// Bounds at `messages` and `bytes`; at least one each, and at most what a gauge can count four times over.
  init(messages: Int = 16_384, bytes: Int = 16 * 1024 * 1024) {
    let messages = min(max(1, messages), 1 << 20)
    let bytes = min(max(1, bytes), 1 << 36)
    marks = FlowMarks(messages: messages, bytes: bytes)
    batch = min(max(1, messages / 8), 64)
    messageLimit = 4 * messages
    byteLimit = 4 * bytes
  }

  /// Whether a level is four times the bounds or more.
  func isBeyondLimit(_ level: FlowLevel) -> Bool { level.messages >= messageLimit || level.bytes >= byteLimit }
}
