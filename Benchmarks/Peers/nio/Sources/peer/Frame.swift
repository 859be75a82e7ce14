import NIOCore

/// What travels: its length without itself in 4 bytes, its kind in one, its payload.
struct Frame {
  enum Kind: UInt8 {
    /// To be sent back.
    case ask
    /// To be counted.
    case message
    /// To be answered with the number of messages that came.
    case question
  }

  var kind: Kind
  var payload: ByteBuffer

  static let headerLength = 5
  /// Payloads from here on are sent from where they are, behind a buffer with the header; smaller ones are copied.
  private static let copyLimit = 4096

  /// Hands the frame to the channel, which keeps it until the next flush.
  func write(to context: ChannelHandlerContext) {
    let copies = payload.readableBytes < Self.copyLimit
    var buffer = context.channel.allocator.buffer(capacity: Self.headerLength + (copies ? payload.readableBytes : 0))
    buffer.writeInteger(UInt32(1 + payload.readableBytes))
    buffer.writeInteger(kind.rawValue)
    if copies { buffer.writeImmutableBuffer(payload) }
    context.write(NIOAny(buffer), promise: nil)
    if !copies { context.write(NIOAny(payload), promise: nil) }
  }
}

/// Cuts the bytes that come into frames; their payloads share the memory that was read into.
struct FrameDecoder: NIOSingleStepByteToMessageDecoder {
  typealias InboundOut = Frame

  mutating func decode(buffer: inout ByteBuffer) throws -> Frame? {
    guard let length = buffer.getInteger(at: buffer.readerIndex, as: UInt32.self).map(Int.init),
      buffer.readableBytes >= 4 + length
    else { return nil }
    buffer.moveReaderIndex(forwardBy: 4)
    guard let kind = buffer.readInteger(as: UInt8.self).flatMap(Frame.Kind.init),
      let payload = buffer.readSlice(length: length - 1)
    else { throw FrameError() }
    return Frame(kind: kind, payload: payload)
  }

  mutating func decodeLast(buffer: inout ByteBuffer, seenEOF: Bool) throws -> Frame? { try decode(buffer: &buffer) }
}

struct FrameError: Error {}
