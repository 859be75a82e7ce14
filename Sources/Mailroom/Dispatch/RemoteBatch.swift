internal import MailroomTransport

/// Messages of one connection for one inbox, in their order, posted as one: one node and one buffer for all of them.
///
/// ```
///   int32  length of the content; the highest bit is set if it wants an answer, the next one if its handler is known
///   int32  the handler, see ``TypeHandlers``, if it is known
///   bytes  content; if the handler is known, without the head
///   …
/// ```
///
/// The requests among them stand beside the contents, for their calls are made where they are handled.
///
/// Three words, so that a batch is as cheap to move through a queue as one message.
struct RemoteBatch: Sendable {
  /// What is collected for a batch.
  struct Builder: ~Copyable {
    /// Messages and bytes from which on a batch is worth posting: waiting for more would only keep the endpoint waiting.
    private static let mostMessages = 64
    private static let mostBytes = 32 * 1024

    private var bytes = ByteWriter()
    private var requests: [RemoteRequest] = []
    /// How many messages there are.
    private(set) var count = 0
    /// What they are counted with.
    private(set) var size = 0

    /// How many messages want no answer.
    var oneWays: Int { count - requests.count }
    /// Whether it should be posted.
    var isFull: Bool { count >= Self.mostMessages || bytes.count >= Self.mostBytes }

    /// Appends a message whose content is no longer than ``RemoteBatch/longestContent``.
    ///
    /// - Parameter request: nil for a one-way message.
    mutating func append(_ content: RawSpan, to handler: Int = TypeHandlers.missing, _ request: RemoteRequest?) {
      let field = UInt32(truncatingIfNeeded: content.byteCount) | (request == nil ? 0 : RemoteBatch.requestBit)
      if handler < 0 {
        bytes.append(field, nil, content)
      } else {
        bytes.append(integer: field | RemoteBatch.typedBit)
        bytes.append(UInt32(truncatingIfNeeded: handler), nil, content)
      }
      if let request { requests.append(request) }
      count += 1
      size += RemoteBatch.size(of: content.byteCount)
    }

    /// The only message; nothing is left here.
    mutating func takeOnly(
      from source: MessageSource?
    ) -> (content: [UInt8], handler: Int, origin: MessageOrigin) {
      let request = requests.popLast()
      let (start, handler) = RemoteBatch.head(of: bytes.bytes.uint32(at: 0) ?? 0, at: 0, in: bytes.bytes)
      let content = bytes.bytes.dropping(start).array()
      bytes.truncate(to: 0)
      (count, size) = (0, 0)
      guard let request, let source, let peer = source.peer else { return (content, handler, .oneWay(source)) }
      return (content, handler, .request(RemoteCall(request, from: peer, source)))
    }

    /// The batch; nothing is left here.
    mutating func take(from source: MessageSource?) -> RemoteBatch {
      // A copy of its own size, so that the storage is kept for the next ones.
      let batch = RemoteBatch(
        bytes: bytes.array(), requests: RemoteRequests(requests.map { $0 }, from: source), source: source)
      bytes.truncate(to: 0)
      requests.removeAll(keepingCapacity: true)
      (count, size) = (0, 0)
      return batch
    }
  }

  /// What of a batch is still to be handled.
  struct Rest {
    private var batch: RemoteBatch
    /// Where the next message stands.
    private var offset = 0

    /// All of a batch.
    init(_ batch: consuming RemoteBatch) { self.batch = batch }

    /// What the contents are in.
    var bytes: [UInt8] { batch.bytes }
    /// What references in the messages are bound to.
    var source: MessageSource? { batch.source }
    /// The requests among the messages; nil when there are none.
    var requests: RemoteRequests? { batch.requests }
    /// Whether there is nothing left.
    var isAtEnd: Bool { offset >= batch.bytes.count }

    /// Takes the next message: where its content is, whether it is the next of the requests, and its handler
    /// if that is known; nil behind the last.
    mutating func next() -> (content: Range<Int>, isRequest: Bool, handler: Int)? {
      guard let field = batch.bytes.rawSpan.uint32(at: offset) else { return nil }
      let (start, handler) = RemoteBatch.head(of: field, at: offset, in: batch.bytes.rawSpan)
      let content = start..<start + Int(field & ~(RemoteBatch.requestBit | RemoteBatch.typedBit))
      offset = content.upperBound
      return (content, field & RemoteBatch.requestBit != 0, handler)
    }
  }

  private static let requestBit: UInt32 = 1 << 31
  private static let typedBit: UInt32 = 1 << 30
  /// Contents up to this many bytes are put together; of larger ones each is worth a buffer of its own.
  static let longestContent = 4096

  private let bytes: [UInt8]
  /// The requests; nil when there are none.
  let requests: RemoteRequests?
  private let source: MessageSource?

  private init(bytes: [UInt8], requests: RemoteRequests?, source: MessageSource?) {
    self.bytes = bytes
    self.requests = requests
    self.source = source
  }

  /// Where the content of a message begins whose record begins with `field`, and its handler.
  @inline(__always)
  private static func head(of field: UInt32, at offset: Int, in bytes: RawSpan) -> (start: Int, handler: Int) {
    let start = offset + MemoryLayout<UInt32>.size
    guard field & typedBit != 0, let handler = bytes.uint32(at: start) else { return (start, TypeHandlers.missing) }
    return (start + MemoryLayout<UInt32>.size, Int(handler))
  }

  /// What a message of so many bytes is counted with.
  static func size(of byteCount: Int) -> Int { max(1, byteCount) }
}
