/// Cuts a stream of bytes into frames, whatever pieces it arrives in.
///
/// A pure state machine: bytes in, payloads out, no socket.
///
/// ```
///             bytes of a length            length is legal
///   ┌───────┐ ───────────────► ┌────────┐ ───────────────► ┌──────┐
///   │ start │                  │ length │                  │ body │
///   └───────┘ ◄─────────────── └────────┘                  └──────┘
///       ▲        frame complete    │ length < 9 or > limit     │
///       └──────────────────────────┼───────────────────────────┘
///                                  ▼
///                              failed (for good)
/// ```
///
/// Invariants:
/// 1. A payload is delivered exactly once, whole, in stream order. Frames that lie whole in one piece of input are
///    delivered in place; only what is cut by the end of a piece is copied.
/// 2. Memory grows with the bytes that have arrived, not with the length that a peer announces, and a length
///    above the limit is refused before any memory is taken for it.
/// 3. After a failure, or after the receiver stopped it, nothing more is delivered.
///
/// The reference swallows a length of 7 because of a sentinel; here every length below 9 is refused.
package struct FrameDecoder: ~Copyable {
  /// The first allocation for a frame that is cut; it doubles from there as bytes arrive.
  private static let firstRoom = 256 * 1024
  /// Storage up to this size is kept for the next cut frame.
  private static let keptRoom = 2 * 1024 * 1024
  /// From this many missing bytes on, reading straight into the frame's storage is worth it.
  private static let directThreshold = 32 * 1024

  private let limit: Int
  /// The beginning of a frame whose end has not arrived.
  private var partial = ByteWriter()
  /// The whole length of the partial frame; zero while its length field is incomplete.
  private var expected = 0
  private var failure: FrameError?
  /// Whether the receiver is no longer interested.
  private var isStopped = false

  /// A decoder at the start of a stream.
  ///
  /// - Parameter limit: the largest legal frame, its length field included.
  package init(limit: Int) {
    self.limit = limit
  }

  /// Whether the stream could end here without cutting a frame.
  package var isAtFrameBoundary: Bool { partial.isEmpty }

  /// At which offset of the next bytes of the stream a frame will begin; nil while that is not known.
  package var offsetOfNextFrame: Int? {
    if partial.isEmpty { return 0 }
    return expected > 0 ? expected - partial.count : nil
  }

  /// Takes the next bytes of the stream and delivers the payload (what follows the length) of each frame they complete.
  ///
  /// - Parameter deliver: must not use the decoder; its payload is valid during the call; returning false stops decoding
  ///   for good, because the receiver is no longer interested.
  @inline(__always)
  package mutating func decode(_ input: RawSpan, _ deliver: (RawSpan) throws(FrameError) -> Bool) throws(FrameError) {
    if let failure { throw failure }
    if isStopped { return }
    do throws(FrameError) {
      var offset = 0
      if !partial.isEmpty {
        offset = complete(with: input)
        try measure()
        // The length may have become known only now, so there may be more to take.
        if expected > 0 && partial.count < expected { offset += take(input.dropping(offset), upTo: expected) }
        if expected == 0 || partial.count < expected { return }
        if try !deliverPartial(deliver) { return stop() }
      }
      let end = input.byteCount
      while end - offset >= FrameFormat.lengthSize {
        let length = try legalLength(input, at: offset)
        if length > end - offset { break }
        // Within the input: the length is at least that of the field, and at most what is there.
        let payload = input.extracting(unchecked: (offset + FrameFormat.lengthSize)..<(offset + length))
        if try !deliver(payload) { return stop() }
        offset += length
      }
      if offset < end {
        partial.append(input.dropping(offset))
        try measure()
      }
    } catch {
      failure = error
      partial.reset()
      throw error
    }
  }

  /// Offers room for the missing bytes of a large frame, so that they need not be copied; see ``didFillRoom(_:_:)``.
  package mutating func withRoom(_ offer: (inout MutableRawSpan) -> Void) {
    let missing = expected - partial.count
    guard missing >= Self.directThreshold, failure == nil else { return }
    if partial.capacity == partial.count { partial.reserve(min(missing, max(Self.firstRoom, partial.count))) }
    partial.withRoom(limit: missing, offer)
  }

  /// Takes `count` bytes that were read into the offered room, and delivers the frame if they complete it.
  package mutating func didFillRoom(
    _ count: Int, _ deliver: (RawSpan) throws(FrameError) -> Bool
  ) throws(FrameError) {
    if let failure { throw failure }
    if isStopped { return }
    partial.advance(count)
    if partial.count < expected { return }
    do throws(FrameError) {
      if try !deliverPartial(deliver) { stop() }
    } catch {
      failure = error
      partial.reset()
      throw error
    }
  }

  private mutating func deliverPartial(_ deliver: (RawSpan) throws(FrameError) -> Bool) throws(FrameError) -> Bool {
    let goOn = try deliver(partial.bytes.dropping(FrameFormat.lengthSize))
    if partial.capacity > Self.keptRoom { partial.reset() } else { partial.truncate(to: 0) }
    expected = 0
    return goOn
  }

  private mutating func stop() {
    isStopped = true
    partial.reset()
  }

  /// Adds bytes to the partial frame, up to the end of its length field or of the frame; says how many.
  private mutating func complete(with input: RawSpan) -> Int {
    take(input, upTo: expected == 0 ? FrameFormat.lengthSize : expected)
  }

  private mutating func take(_ input: RawSpan, upTo end: Int) -> Int {
    let count = min(input.byteCount, end - partial.count)
    if count <= 0 { return 0 }
    partial.append(input.extracting(first: count))
    return count
  }

  /// Learns the partial frame's length, once its length field is complete.
  private mutating func measure() throws(FrameError) {
    if expected == 0 && partial.count >= FrameFormat.lengthSize { expected = try legalLength(partial.bytes, at: 0) }
  }

  private func legalLength(_ bytes: RawSpan, at offset: Int) throws(FrameError) -> Int {
    let length = Int64(bigEndian: bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: Int64.self))
    if length < FrameFormat.minimumLength { throw .tooShort(length) }
    if length > limit { throw .tooLarge(length: length, limit: limit) }
    return Int(length)
  }
}
