internal import MailroomTransport

/// The bytes of the envelope that a peer's messages to one endpoint have.
struct KnownEnvelope: ~Copyable {
  /// Longer ones, in bytes, are parsed each time, so that a peer cannot make this side keep much.
  private static let longest = 1024

  private var bytes = ByteWriter()

  /// The length of the envelope that `body` begins with, if it is this one; else -1, as for an envelope that is not known yet.
  @inline(__always)
  borrowing func length(in body: RawSpan) -> Int {
    let length = bytes.count
    return length > 0 && body.byteCount >= length && body.extracting(first: length).equals(bytes.bytes) ? length : -1
  }

  /// Knows this one from now on.
  mutating func note(_ envelope: RawSpan) {
    bytes.truncate(to: 0)
    if envelope.byteCount <= Self.longest { bytes.append(envelope) }
  }
}
