internal import MailroomTransport

/// Messages of one connection for one inbox, in their order, posted as one: one node and one buffer for all of them.
///
/// ```
///   int32  length of the content, and the highest bit set if it wants an answer
///   bytes  content
///   …
/// ```
///
/// Immutable, so that who handles it only has to remember where it is.
final class RemoteBatch: Sendable {
  /// What is collected for a batch.
  struct Builder: ~Copyable {
    /// Messages and bytes from which on a batch is worth posting: waiting for more would only keep the endpoint waiting.
    private static let mostMessages = 64
    private static let mostBytes = 32 * 1024

    private var bytes = ByteWriter()
    private var calls: [RemoteCall] = []
    /// How many messages there are.
    private(set) var count = 0
    /// What they are counted with.
    private(set) var size = 0

    /// How many messages want no answer.
    var oneWays: Int { count - calls.count }
    /// Whether it should be posted.
    var isFull: Bool { count >= Self.mostMessages || bytes.count >= Self.mostBytes }

    mutating func append(_ content: RawSpan, _ call: RemoteCall?) {
      bytes.append(integer: UInt32(truncatingIfNeeded: content.byteCount) | (call == nil ? 0 : RemoteBatch.requestBit))
      bytes.append(content)
      if let call { calls.append(call) }
      count += 1
      size += RemoteBatch.size(of: content.byteCount)
    }

    /// The batch; nothing is left here.
    mutating func take(from source: MessageSource?) -> RemoteBatch {
      let batch = RemoteBatch(bytes: bytes.array(), calls: calls, source: source)
      bytes.truncate(to: 0)
      calls.removeAll(keepingCapacity: true)
      (count, size) = (0, 0)
      return batch
    }
  }

  /// Where the next message stands.
  struct Position {
    fileprivate(set) var offset = 0
    fileprivate(set) var call = 0
  }

  private static let requestBit: UInt32 = 1 << 31
  /// Contents up to this many bytes are put together; of larger ones each is worth a buffer of its own.
  static let longestContent = 4096

  let bytes: [UInt8]
  /// The calls of the requests, in order.
  let calls: [RemoteCall]
  private let source: MessageSource?

  private init(bytes: [UInt8], calls: [RemoteCall], source: MessageSource?) {
    self.bytes = bytes
    self.calls = calls
    self.source = source
  }

  /// What a message of so many bytes is counted with.
  static func size(of byteCount: Int) -> Int { max(1, byteCount) }

  /// Steps over the next message: where its content is, and where it came from; nil behind the last.
  func next(_ position: inout Position) -> (content: Range<Int>, origin: MessageOrigin)? {
    let start = position.offset + MemoryLayout<UInt32>.size
    guard start <= bytes.count else { return nil }
    var field: UInt32 = 0
    for index in position.offset..<start { field = field << 8 | UInt32(bytes[index]) }
    let content = start..<start + Int(field & ~Self.requestBit)
    position.offset = content.upperBound
    guard field & Self.requestBit != 0, position.call < calls.count else {
      return (content, .oneWay(source))
    }
    position.call += 1
    return (content, MessageOrigin(call: calls[position.call - 1], source: source))
  }

  /// Whether there is nothing behind a position.
  func isAtEnd(_ position: Position) -> Bool { position.offset >= bytes.count }
}
