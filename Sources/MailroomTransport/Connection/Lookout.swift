/// Tells a handler of the numbers that messages begin with some frames before it gets them.
///
/// Says nothing of what is malformed, and looks no further than that: it is for the decoder to find.
struct Lookout {
  /// How many frames it is ahead: time enough to fetch what one needs, and not so many that it does not fit the caches.
  private static let distance = 16

  /// Where the next frame begins in what was read.
  private var offset: Int

  init(from offset: Int) { self.offset = offset }

  /// Looks at the first frames.
  mutating func begin(at input: RawSpan, _ handler: any ConnectionHandler) {
    for _ in 0..<Self.distance { look(at: input, handler) }
  }

  /// Looks at one more frame.
  @inline(__always)
  mutating func look(at input: RawSpan, _ handler: any ConnectionHandler) {
    guard offset < input.byteCount else { return }
    let frame = input.dropping(offset)
    if let number = frame.numberOfMessageInFrame { handler.peerWillSend(to: number) }
    offset = frame.lengthOfFrame.map { offset + $0 } ?? input.byteCount
  }
}

extension RawSpan {
  /// The length of the frame that these bytes begin with; nil for a length that is no frame's, or was not read as a whole.
  @inline(__always)
  fileprivate var lengthOfFrame: Int? {
    guard byteCount >= FrameFormat.lengthSize else { return nil }
    let length = UInt64(bigEndian: unsafeLoadUnaligned(fromUncheckedByteOffset: 0, as: UInt64.self))
    return length >= UInt64(FrameFormat.minimumLength) && length <= UInt64(byteCount) ? Int(length) : nil
  }

  /// The number that stands in front of the message in the frame that these bytes begin with, if one does.
  @inline(__always)
  fileprivate var numberOfMessageInFrame: Int? {
    switch byte(at: FrameFormat.lengthSize) {
    case WireMessage.Kind.rpcRequestWithDeadline.rawValue: dropping(FrameFormat.timedRPCOverhead).prefixNumber
    case WireMessage.Kind.rpcRequest.rawValue: dropping(FrameFormat.rpcOverhead).prefixNumber
    case WireMessage.Kind.oneWay.rawValue: dropping(FrameFormat.oneWayOverhead).prefixNumber
    default: nil
    }
  }
}
