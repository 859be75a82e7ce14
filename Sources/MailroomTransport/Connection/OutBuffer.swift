/// The bytes a connection has to send, and who is writing them. Loop-confined.
///
/// ```
///             append                 flush: the socket takes all
///   ┌───────┐ ──────► ┌────────────┐ ──────────────────────────► empty
///   │ empty │         │ collecting │
///   └───────┘         └────────────┘ ── flush: it takes a part ─► ┌─────────┐ ─ done ─► collecting or empty
///                                                                 │ writing │
///                                                                 └─────────┘ (append goes to a second buffer)
/// ```
///
/// A flush first writes directly, which costs one system call and no callback. Only the rest that a full socket did not
/// take is handed to libuv, as one request, for libuv 1.44 writes just one request each time a socket becomes
/// writable. While libuv owns a buffer, new frames collect in another one.
///
/// Invariant: bytes leave in the order appended, each once.
struct OutBuffer: ~Copyable {
  /// Storage above this is given back once it was written.
  private static let keptRoom = 1024 * 1024

  /// Frames that nobody writes yet.
  var collecting = ByteWriter()
  private var spare = ByteWriter()
  private var isWriting = false
  private var inFlight = 0

  /// Bytes not yet taken by the socket.
  var pendingBytes: Int { collecting.count + inFlight }
  /// Whether nothing waits to be written.
  var isDrained: Bool { collecting.isEmpty && !isWriting }

  enum Flush: ~Copyable {
    /// Nothing is left to write, or libuv is at it.
    case done
    /// Hand these bytes to libuv from the offset on, then call ``didWrite(_:)``.
    case write(ByteWriter, from: Int)
  }

  /// Writes what has collected, as much as `tryWrite` takes.
  mutating func flush<Failure: Error>(_ tryWrite: (RawSpan) throws(Failure) -> Int) throws(Failure) -> Flush {
    if isWriting || collecting.isEmpty { return .done }
    let written = try tryWrite(collecting.bytes)
    if written >= collecting.count {
      if collecting.capacity > Self.keptRoom { collecting.reset() } else { collecting.truncate(to: 0) }
      return .done
    }
    isWriting = true
    inFlight = collecting.count - written
    var full = ByteWriter()
    swap(&full, &collecting)
    swap(&collecting, &spare)
    return .write(full, from: written)
  }

  /// Takes back the storage that libuv has written.
  mutating func didWrite(_ storage: consuming ByteWriter) {
    isWriting = false
    inFlight = 0
    if storage.capacity <= Self.keptRoom {
      spare = storage
      spare.truncate(to: 0)
    }
  }
}
