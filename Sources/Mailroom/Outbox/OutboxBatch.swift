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
    var count: Int

    /// What stands in front of the contents.
    var prefix: BodyPrefix { route.prefix(for: head) }

    /// The bytes that the route counts a message with whose content is so long.
    func size(of byteCount: Int) -> Int { byteCount + head.size }
  }

  /// Who waits for an answer, until it is taken out.
  struct Request {
    var sink: ReplySink?
    let deadline: MonotonicTime
  }

  // Not private: a structure that is stored in place elsewhere has its parts known there, too.
  struct Contents: ~Copyable {
    var bytes = ByteWriter()
    var runs: [Run] = []
    var requests: [Request] = []
    var count = 0
  }

  private let contents = Confined(Contents())

  /// Whether another batch should be begun.
  var isFull: Bool { contents.value.count >= Self.mostMessages || contents.value.bytes.count >= Self.mostBytes }

  /// Adds a message behind the others.
  func append(_ message: borrowing OutboxMessage) {
    append(
      message.content.bytes, behind: message.head, message.sink, deadline: message.deadline, to: message.route,
      of: message.home)
  }

  /// Adds a message of `content` behind the others, or of `tag` and `content`.
  func append(
    tag: UInt8? = nil, _ content: RawSpan, behind head: MessageHead? = nil, _ sink: consuming ReplySink?,
    deadline: MonotonicTime, to route: RemoteRoute, of home: RemoteRoute?
  ) {
    let size = UInt32(truncatingIfNeeded: content.byteCount + (tag == nil ? 0 : 1))
    contents.value.bytes.append(integer: size | (sink == nil ? 0 : Self.requestBit))
    if let tag { contents.value.bytes.append(tag) }
    contents.value.bytes.append(content)
    if sink != nil { contents.value.requests.append(Request(sink: consume sink, deadline: deadline)) }
    contents.value.count += 1
    let last = contents.value.runs.count - 1
    if last >= 0 && contents.value.runs[last].route === route && contents.value.runs[last].home === home
      && contents.value.runs[last].head === head
    {
      contents.value.runs[last].count += 1
    } else {
      contents.value.runs.append(Run(route: route, home: home, head: head, count: 1))
    }
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

    /// All of a batch that was taken out of the queue.
    init(_ batch: OutboxBatch) {
      self.batch = batch
      swapContents()
    }

    /// Exchanges what is here and what is in the batch.
    private mutating func swapContents() {
      let batch = batch
      swap(&bytes, &batch.contents.value.bytes)
      swap(&runs, &batch.contents.value.runs)
      swap(&requests, &batch.contents.value.requests)
    }

    /// Whether there is nothing left.
    var isAtEnd: Bool { run >= runs.count }

    /// The messages that go the same way as the next one behind the same head, it included; nil behind the last.
    var currentRun: Run? { run < runs.count ? runs[run] : nil }

    /// Takes the next message: where its content is, and whether it is a request, whose ``takeRequest()`` is to follow; nil behind
    /// the last.
    mutating func next() -> (content: Range<Int>, isRequest: Bool)? {
      guard run < runs.count, let field = bytes.bytes.uint32(at: offset) else { return nil }
      runs[run].count -= 1
      if runs[run].count == 0 { run += 1 }
      let start = offset + MemoryLayout<UInt32>.size
      offset = start + Int(field & ~OutboxBatch.requestBit)
      return (start..<offset, field & OutboxBatch.requestBit != 0)
    }

    /// Takes who waits for the answer to the request that was taken last, and until when.
    mutating func takeRequest() -> (sink: ReplySink, deadline: MonotonicTime)? {
      guard request < requests.count, let sink = requests[request].sink.take() else { return nil }
      request += 1
      return (sink, requests[request - 1].deadline)
    }

    /// Takes the next message as one of its own; nil behind the last.
    mutating func popFirst() -> OutboxMessage? {
      guard let run = currentRun, let (range, isRequest) = next() else { return nil }
      var content = ByteWriter(capacity: range.count)
      content.append(bytes.bytes.extracting(range))
      let request = isRequest ? takeRequest() : nil
      return OutboxMessage(
        content, behind: run.head, to: run.route, of: run.home, request?.sink,
        deadline: request?.deadline ?? .distantFuture)
    }

    /// Empties the batch, which is ready for other messages then, and whose storage is kept.
    mutating func empty() -> OutboxBatch {
      bytes.truncate(to: 0)
      runs.removeAll(keepingCapacity: true)
      requests.removeAll(keepingCapacity: true)
      swapContents()
      batch.contents.value.count = 0
      (offset, run, request) = (0, 0, 0)
      return batch
    }
  }
}
