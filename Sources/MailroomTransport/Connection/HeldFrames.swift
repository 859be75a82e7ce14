internal import MailroomQueue

/// Frames that were read while the ``ReadGate`` was closed, or together with the one that closed it, to be served once it is open.
///
/// Loop-confined.
///
/// What is read in one go can ask for far more than it is long, so stopping to read is not enough; and answers may come behind.
/// Bound: what its owner allows, and what one read delivers beyond that: a read buffer's size, or one frame.
struct HeldFrames: ~Copyable {
  private var bytes = ByteWriter()
  private var offset = 0

  /// Whether nothing is held.
  var isEmpty: Bool { bytes.isEmpty }

  /// What is held, in bytes.
  var byteCount: Int { bytes.count - offset }

  /// What it takes to hold that, in bytes.
  var capacity: Int { bytes.capacity }

  /// Holds a copy of a frame's payload.
  mutating func append(_ payload: RawSpan) {
    // What was served is given up before it is more than what is left.
    if offset > bytes.count / 2 {
      bytes.remove(at: 0, count: offset)
      offset = 0
    }
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
