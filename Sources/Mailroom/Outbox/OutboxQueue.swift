internal import MailroomQueue

/// The messages that were posted to an outbox, in order.
///
/// A lock-free queue whose elements are messages, or batches of small ones. The batch that was queued last is open: further small
/// messages are written into it instead of being queued, until its turn comes or something else is queued behind it.
///
/// ```
///            a small message            small messages
///   (none) ───────────────────► ┌──────┐ ──┐      it is full, a large message is queued,
///      ▲     makes a batch,     │ open │ ◄─┘      or its turn has come
///      │     and queues it      └──────┘ ──────────────────────────────────────┐
///      └────────────────────────────────────────────────────────────────────────┘
/// ```
///
/// Invariants:
/// 1. FIFO for the messages of one thread: the open batch is the last thing that any thread has queued; who queues a large message
///    closes it first, and nobody begins another one before the large message is queued.
/// 2. A batch is written to with the lock held, and only while it is open; it is not open any more when it is read.
/// 3. An open batch stands in the queue, so whoever writes into it need not wake the consumer.
///
/// - Thread safety: ``push(_:)``, ``close()`` and ``isClosed`` for any thread, the rest for the consumer, as with ``MPSCQueue``. The
///   lock is held while one small message is written.
/// - Cost: a small message takes no allocation here at steady state.
struct OutboxQueue: ~Copyable, Sendable {
  typealias Pushed = MPSCQueue<OutboxMessage>.Pushed
  typealias Slept = MPSCQueue<Element>.Slept

  /// How many emptied batches are kept for their storage.
  private static let mostSpare = 2

  // Not private: a structure that is stored in place elsewhere has its parts known there, too.
  enum Element: ~Copyable, Sendable {
    case message(OutboxMessage)
    case batch(OutboxBatch)
  }

  struct Intake: ~Copyable {
    var open = OpenBatch()
    var spare: [OutboxBatch] = []
  }

  /// The open batch, lent for one call without being counted: the intake keeps it as long as the lock is held.
  struct OpenBatch: ~Copyable {
    var batch: OutboxBatch?

    /// Writes a message into it, if there is one that has room; says whether it did.
    @inline(__always)
    borrowing func take(
      tag: UInt8?, _ content: RawSpan, behind head: MessageHead?, _ sink: inout ReplySink?, deadline: MonotonicTime,
      to route: RemoteRoute, of home: RemoteRoute?
    ) -> Bool {
      batch?.take(tag: tag, content, behind: head, &sink, deadline: deadline, to: route, of: home) ?? false
    }
  }

  /// What was taken out of the queue: a message, or what is left of a batch; never both.
  struct Head: ~Copyable {
    var message: OutboxMessage?
    var rest: OutboxBatch.Rest?
    var isEmpty = true
  }

  private let queue = MPSCQueue<Element>()
  /// Guarded by its lock.
  private let intake = Locked(Intake())
  /// Consumer-confined: what was taken out of the queue last; it comes before what is queued.
  private let head = Confined(Head())

  // MARK: Any thread

  /// Queues a message; hands it back when the queue is closed.
  func push(_ message: consuming OutboxMessage) -> Pushed {
    if message.content.count <= OutboxBatch.longestContent { return push(copying: message) }
    var alone: Element? = .message(message)
    return intake.withLock { intake in
      intake.open.batch = nil
      // With the lock held: a batch that another thread begins before this message is queued would stand before it, and take
      // what this thread sends behind it.
      guard let element = alone.take() else { return .queued }
      return switch queue.push(element) {
      case .queued: .queued
      case .wake: .wake
      case .closed(let element): Self.handBack(element)
      }
    }
  }

  private func push(copying message: consuming OutboxMessage) -> Pushed {
    let sink = message.sink.take()
    return collect(
      tag: nil, message.content.bytes, behind: message.head, sink, deadline: message.deadline, to: message.route,
      of: message.home)
  }

  /// Queues a message of the byte `tag` and `content`, which is to be no longer than ``OutboxBatch/longestContent``; hands it back when the
  /// queue is closed.
  func push(
    tag: UInt8, _ content: RawSpan, _ sink: consuming ReplySink?, deadline: MonotonicTime, to route: RemoteRoute,
    of home: RemoteRoute?
  ) -> Pushed {
    collect(tag: tag, content, behind: nil, consume sink, deadline: deadline, to: route, of: home)
  }

  /// Queues a message of `content` behind a head; as ``push(_:)``, but of a queue that is never closed.
  func hold(
    _ content: RawSpan, behind head: MessageHead?, _ sink: consuming ReplySink?, deadline: MonotonicTime,
    to route: RemoteRoute, of home: RemoteRoute?
  ) {
    _ = collect(tag: nil, content, behind: head, consume sink, deadline: deadline, to: route, of: home)
  }

  /// Writes a message into the open batch, or into a new one that is queued.
  private func collect(
    tag: UInt8?, _ content: RawSpan, behind head: MessageHead?, _ sink: consuming ReplySink?, deadline: MonotonicTime,
    to route: RemoteRoute, of home: RemoteRoute?
  ) -> Pushed {
    intake.withLock { intake in
      if intake.open.take(tag: tag, content, behind: head, &sink, deadline: deadline, to: route, of: home) {
        return .queued
      }
      let batch = intake.spare.popLast() ?? OutboxBatch()
      batch.append(tag: tag, content, behind: head, &sink, deadline: deadline, to: route, of: home)
      // With the lock held: nobody may write into the batch, and then queue something, before the batch itself is queued.
      switch queue.push(.batch(batch)) {
      case .queued:
        intake.open.batch = batch
        return .queued
      case .wake:
        intake.open.batch = batch
        return .wake
      case .closed(let element): return Self.handBack(element)
      }
    }
  }

  /// The only message of an element that did not get in.
  private static func handBack(_ element: consuming Element) -> Pushed {
    switch consume element {
    case .message(let message): return .closed(message)
    case .batch(let batch):
      var rest = OutboxBatch.Rest(batch)
      guard let message = rest.popFirst() else { return .queued }
      return .closed(message)
    }
  }

  /// Refuses messages from now on; what is queued stays for the consumer.
  ///
  /// An open batch takes more until its turn comes.
  ///
  /// - Returns: as ``MPSCQueue/close()``.
  func close() -> Bool { queue.close() }

  /// Whether messages are refused.
  ///
  /// Another thread may change the answer at once.
  var isClosed: Bool { queue.isClosed }

  /// Whether nothing is queued and the consumer sleeps.
  ///
  /// Another thread may change the answer at once.
  var isIdle: Bool { queue.isIdle }

  // MARK: The consumer

  /// Whether the consumer would find nothing.
  var isEmpty: Bool { head.value.isEmpty && queue.isEmpty }

  /// Takes the oldest message.
  func popFirst() -> OutboxMessage? {
    pull()
    head.value.isEmpty = true
    if let message = head.value.message.take() { return message }
    guard var rest = head.value.rest.take() else { return nil }
    let message = rest.popFirst()
    putBack(rest)
    return message
  }

  /// Takes the batch that stands first, or what is left of it; to be put back when messages were taken out of it.
  ///
  /// Nil when there is none, or a message that was queued alone.
  func takeRest() -> OutboxBatch.Rest? {
    pull()
    guard let rest = head.value.rest.take() else { return nil }
    head.value.isEmpty = true
    return rest
  }

  /// Puts back what is left of a batch.
  func putBack(_ rest: consuming OutboxBatch.Rest) {
    if !rest.isAtEnd {
      head.value.rest = .some(consume rest)
      head.value.isEmpty = false
      return
    }
    var rest = rest
    let spare = rest.empty()
    intake.withLock { intake in if intake.spare.count < Self.mostSpare { intake.spare.append(spare) } }
  }

  /// Gives back the storage that is kept for further batches.
  func dropStorage() { intake.withLock { $0.spare = [] } }

  /// Makes sure that what is oldest is at the head, if there is anything.
  private func pull() {
    guard head.value.isEmpty, let element = queue.popFirst() else { return }
    head.value.isEmpty = false
    switch consume element {
    case .message(let message): head.value.message = .some(consume message)
    case .batch(let batch):
      intake.withLock { intake in if intake.open.batch === batch { intake.open.batch = nil } }
      head.value.rest = OutboxBatch.Rest(batch)
    }
  }

  /// Ends the caller's turn as the consumer, if nothing is queued.
  func sleep() -> Slept { head.value.isEmpty ? queue.sleep() : .notEmpty }

  /// Closes the queue and hands what is left to `body`, oldest first.
  func close(_ body: (consuming OutboxMessage) -> Void) {
    _ = close()
    while let message = popFirst() { body(message) }
  }
}
