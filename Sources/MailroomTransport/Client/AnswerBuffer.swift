internal import MailroomQueue

/// Answers of other threads on their way to the connection's loop: frames one behind the other in one buffer.
///
/// ```
///                 append, queue                             append
///   ┌───────┐ ────────────────────────► ┌────────────┐ ──┐
///   │ empty │                           │ collecting │ ◄─┘
///   └───────┘ ◄──────────────────────── └────────────┘
///                       take
/// ```
///
/// A handler that runs on a message loop answers one request after the other, and the event loop comes to look once for many of
/// them. So they need no allocation and no place in a queue each.
///
/// Invariants: with the first answer it is queued that there are some, before anybody else appends one; whoever comes to that place in the
/// queue takes all there are. So an answer is taken once, and before whatever its thread queues next.
///
/// - Thread safety: any thread. The lock is held while one frame, of ``longestFrame`` at most, is written and queued, or two buffers change
///   places.
struct AnswerBuffer: ~Copyable, Sendable {
  /// Frames up to this many bytes are put together; a larger one is not worth being copied once more.
  static let longestFrame = 4096
  /// The storage that is kept when a buffer was emptied, in bytes.
  private static let keptStorage = 256 * 1024

  /// Answers that were appended.
  // Not private: a structure that is stored in place elsewhere has its parts known there, too.
  struct Batch: ~Copyable, Sendable {
    var frames = ByteWriter()
    /// How many answers there are; some may have no frame, because their requests were cancelled.
    var count = 0

    /// Forgets them, and keeps the storage if it is not large.
    mutating func clear() {
      if frames.capacity > AnswerBuffer.keptStorage { frames.reset() } else { frames.truncate(to: 0) }
      count = 0
    }
  }

  /// Guarded by its lock.
  private let batch = Locked(Batch())

  /// Adds an answer whose frame `write` writes, if it has one; if it is the first, `queue` queues that there are some.
  func append(_ write: (inout ByteWriter) -> Void, first queue: () -> Void) {
    batch.withLock { batch in
      write(&batch.frames)
      batch.count += 1
      if batch.count == 1 { queue() }
    }
  }

  /// Takes the answers into `empty`, which has none; its storage is used for the next ones.
  func take(into empty: inout Batch) {
    batch.withLock { batch in swap(&batch, &empty) }
  }
}
