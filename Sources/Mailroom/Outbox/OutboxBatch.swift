internal import MailroomQueue
internal import MailroomTransport

/// Small messages that several threads post one after the other, queued as one.
///
/// ```
///   bytes    int32 length of the content, the highest bit set if it wants an answer; content, without the head; …
///   runs     where they go, and behind which head: so many to this endpoint, then so many to that one
///   requests who waits for the answers, in order
/// ```
///
/// An object, for it is written to while it stands in the queue. Guarded by its ``OutboxQueue``'s lock until it is taken out of the queue;
/// then it is the consumer's.
final class OutboxBatch: Sendable {
  /// Contents up to this many bytes are put together; a larger one is queued alone, and not copied.
  static let longestContent = 4096
  /// From when on another batch is begun, in bytes and messages.
  private static let mostBytes = 64 * 1024
  private static let mostMessages = 1024
  private static let requestBit: UInt32 = 1 << 31

  /// Messages that go the same way, one behind the other.
  struct Run {
    let route: RemoteRoute
    /// As ``OutboxMessage/home``.
    let home: RemoteRoute?
    /// As ``OutboxMessage/head``.
    let head: MessageHead?
    /// How many messages of the batch stand before it.
    fileprivate let start: Int

    /// What stands in front of the contents.
    var prefix: BodyPrefix { route.prefix(for: head) }

    /// The bytes that the route counts a message with whose content is so long.
    func size(of byteCount: Int) -> Int { byteCount + head.size }
  }

  /// Where messages go, to be compared without a look at a run, which is another place in memory.
  ///
  /// The run keeps the objects.
  struct Way: Equatable {
    let route: ObjectIdentifier
    let home: ObjectIdentifier?
    let head: ObjectIdentifier?

    @inline(__always)
    init(_ route: RemoteRoute, _ home: RemoteRoute?, _ head: MessageHead?) {
      self.route = ObjectIdentifier(route)
      self.home = home.map { ObjectIdentifier($0) }
      self.head = head.map { ObjectIdentifier($0) }
    }
  }

  /// Who waits for an answer, until it is taken out.
  struct Request {
    var sink: ReplySink?
    let deadline: MonotonicTime
  }

  // Not private: a structure that is stored in place elsewhere has its parts known there, too.
  struct Contents: ~Copyable {
    var bytes = ByteWriter()
    /// Written with the first message of a run only, and read when the batch is taken.
    var runs: [Run] = []
    var requests: [Request] = []
    var count = 0
    /// That of the last run; nil while there is none.
    var way: Way?
  }

  private let contents = Confined(Contents())

  /// Whether another batch should be begun.
  var isFull: Bool { contents.value.count >= Self.mostMessages || contents.value.bytes.count >= Self.mostBytes }

  /// Adds a message unless the batch is full; says whether it did; as ``append(tag:_:behind:_:deadline:to:of:)``.
  @inline(__always)
  func take(
    tag: UInt8?, _ content: RawSpan, behind head: MessageHead?, _ sink: inout ReplySink?, deadline: MonotonicTime,
    to route: RemoteRoute, of home: RemoteRoute?
  ) -> Bool {
    if isFull { return false }
    append(tag: tag, content, behind: head, &sink, deadline: deadline, to: route, of: home)
    return true
  }

  /// Adds a message of `content` behind the others, or of `tag` and `content`; takes the sink.
  func append(
    tag: UInt8?, _ content: RawSpan, behind head: MessageHead?, _ sink: inout ReplySink?, deadline: MonotonicTime,
    to route: RemoteRoute, of home: RemoteRoute?
  ) {
    let size = UInt32(truncatingIfNeeded: content.byteCount + (tag == nil ? 0 : 1))
    contents.value.bytes.append(size | (sink == nil ? 0 : Self.requestBit), tag, content)
    if sink != nil { contents.value.requests.append(Request(sink: sink.take(), deadline: deadline)) }
    let way = Way(route, home, head)
    if contents.value.way != way {
      contents.value.way = way
      contents.value.runs.append(Run(route: route, home: home, head: head, start: contents.value.count))
    }
    contents.value.count += 1
  }

  /// A message that was taken out of a batch.
  struct Taken: ~Copyable {
    /// Where its content is.
    let content: Range<Int>
    /// As ``OutboxMessage/sink``.
    var sink: ReplySink?
    /// As ``OutboxMessage/deadline``.
    let deadline: MonotonicTime
  }

  /// What of a batch is still to be sent.
  struct Rest: ~Copyable {
    private let batch: OutboxBatch
    /// What the contents are in.
    private(set) var bytes = ByteWriter()
    private var runs: [Run] = []
    private var requests: [Request] = []
    /// Where the next record stands, the run it belongs to, and the next request.
    private var (offset, run, request) = (0, 0, 0)
    /// How many messages of the current run are left: none behind the last one only.
    private(set) var left = 0

    /// All of a batch that was taken out of the queue.
    init(_ batch: OutboxBatch) {
      self.batch = batch
      swapContents()
      left = countOfRun
    }

    /// Exchanges what is here and what is in the batch.
    private mutating func swapContents() {
      let batch = batch
      swap(&bytes, &batch.contents.value.bytes)
      swap(&runs, &batch.contents.value.runs)
      swap(&requests, &batch.contents.value.requests)
    }

    /// How many messages the current run has.
    private var countOfRun: Int {
      guard run < runs.count else { return 0 }
      return (run + 1 < runs.count ? runs[run + 1].start : batch.contents.value.count) - runs[run].start
    }

    /// Whether there is nothing left.
    var isAtEnd: Bool { left == 0 }

    /// Where the next message goes, and ``left`` with it; nil behind the last.
    var currentRun: Run? { run < runs.count ? runs[run] : nil }

    /// Takes the next message; nil behind the last.
    @inline(__always)
    mutating func next() -> Taken? {
      guard left > 0, let field = bytes.bytes.uint32(at: offset) else { return nil }
      left &-= 1
      if left == 0 { beginRun() }
      let start = offset + MemoryLayout<UInt32>.size
      offset = start + Int(field & ~OutboxBatch.requestBit)
      if field & OutboxBatch.requestBit == 0 {
        return Taken(content: start..<offset, sink: nil, deadline: .distantFuture)
      }
      request += 1
      return Taken(
        content: start..<offset, sink: requests[request - 1].sink.take(), deadline: requests[request - 1].deadline)
    }

    private mutating func beginRun() {
      run += 1
      left = countOfRun
    }

    /// Takes the next message as one of its own; nil behind the last.
    mutating func popFirst() -> OutboxMessage? {
      guard let run = currentRun, var taken = next() else { return nil }
      var content = ByteWriter(capacity: taken.content.count)
      content.append(bytes.bytes.extracting(taken.content))
      return OutboxMessage(
        content, behind: run.head, to: run.route, of: run.home, taken.sink.take(), deadline: taken.deadline)
    }

    /// Empties the batch, which is ready for other messages then, and whose storage is kept.
    mutating func empty() -> OutboxBatch {
      bytes.truncate(to: 0)
      runs.removeAll(keepingCapacity: true)
      requests.removeAll(keepingCapacity: true)
      swapContents()
      batch.contents.value.count = 0
      batch.contents.value.way = nil
      (offset, run, request) = (0, 0, 0)
      return batch
    }
  }
}
