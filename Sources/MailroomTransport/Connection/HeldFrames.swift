internal import MailroomQueue

/// Frames that were read together with one that closed the ``ReadGate``, and are served once it is open again.
///
/// Loop-confined.
///
/// What is read in one go can ask for far more than it is long, so stopping to read is not enough. Bound: what one read
/// delivers, that is a read buffer's size, or one frame; for nothing is read while something is held.
struct HeldFrames: ~Copyable {
  private var bytes = ByteWriter()
  private var offset = 0

  /// Whether nothing is held.
  var isEmpty: Bool { bytes.isEmpty }

  /// Holds a copy of a frame's payload.
  mutating func append(_ payload: RawSpan) {
    bytes.append(integer: Int64(payload.byteCount))
    bytes.append(payload)
  }

  /// Hands out the payloads, oldest first, while `goesOn` says so and `serve` does not throw; forgets them.
  ///
  /// - Parameter serve: its payload is valid during the call.
  mutating func serve<Failure: Error>(
    while goesOn: () -> Bool, _ serve: (RawSpan) throws(Failure) -> Void
  ) throws(Failure) {
    // Out of this object, for nobody may change it while its bytes are lent.
    var lent = ByteWriter()
    swap(&lent, &bytes)
    var position = offset
    defer {
      if position < lent.count {
        swap(&lent, &bytes)
        offset = position
      } else {
        offset = 0
      }
    }
    while position < lent.count, goesOn() {
      var reader = ByteReader(lent.bytes.dropping(position))
      guard let count = try? reader.read(Int64.self), let payload = try? reader.read(count: Int(count)) else {
        position = lent.count
        return
      }
      position += MemoryLayout<Int64>.size + Int(count)
      try serve(payload)
    }
  }
}
