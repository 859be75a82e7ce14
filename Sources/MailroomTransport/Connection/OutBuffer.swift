internal import MailroomQueue

/// The bytes a connection has to send, and who is writing them.
///
/// Loop-confined.
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
/// writable. While libuv owns a buffer, new frames collect in another one; what grows beyond ``sealedSize`` meanwhile is
/// sealed and queued, so that no buffer is ever grown, and copied, to the size of a backlog.
///
/// A part may be written without a flush, by whoever cannot hand the rest to libuv; then the rest stays, and the next flush goes on with it.
///
/// Invariants:
/// 1. Bytes leave in the order appended, each once: in flight, then sealed, then collecting.
/// 2. Every buffer begins with a frame and ends with one, so what a connection could not send can be told by frames when
///    it ends, at no cost before.
struct OutBuffer: ~Copyable {
  /// Storage above this is given back once it was written.
  private static let keptRoom = 1024 * 1024
  /// A buffer that waits is sealed from this size on.
  private static let sealedSize = 512 * 1024

  /// Frames that nobody writes yet.
  var collecting = ByteWriter()
  /// How many bytes at its beginning the socket has taken already; none while libuv writes.
  private var takenOfCollecting = 0
  private var sealed = FIFO<Segment>()
  private var sealedBytes = 0
  private var spare = ByteWriter()
  private var isWriting = false
  private var inFlight = 0
  /// What libuv could not write, and how much of it the socket has taken.
  private var failed = ByteWriter()
  private var takenOfFailed = 0

  private final class Segment {
    var bytes = ByteWriter()
  }

  /// Bytes not yet taken by the socket.
  var pendingBytes: Int { collecting.count - takenOfCollecting + sealedBytes + inFlight }
  /// Whether nothing waits to be written.
  var isDrained: Bool { collecting.isEmpty && sealed.isEmpty && !isWriting }

  enum Flush: ~Copyable {
    /// Nothing is left to write, or libuv is at it.
    case done
    /// Hand these bytes to libuv from the offset on, then call ``didWrite(_:)``.
    case write(ByteWriter, from: Int)
  }

  /// Writes what has collected, as much as `tryWrite` takes.
  mutating func flush<Failure: Error>(_ tryWrite: (RawSpan) throws(Failure) -> Int) throws(Failure) -> Flush {
    if isWriting {
      if collecting.count >= Self.sealedSize { seal() }
      return .done
    }
    while let segment = sealed.first {
      let written = try tryWrite(segment.bytes.bytes)
      sealedBytes -= segment.bytes.count
      _ = sealed.popFirst()
      var bytes = ByteWriter()
      swap(&bytes, &segment.bytes)
      if written < bytes.count { return hand(bytes, from: written) }
    }
    if collecting.isEmpty { return .done }
    let written = takenOfCollecting + (try tryWrite(collecting.bytes.dropping(takenOfCollecting)))
    takenOfCollecting = 0
    if written >= collecting.count {
      if collecting.capacity > Self.keptRoom { collecting.reset() } else { collecting.truncate(to: 0) }
      return .done
    }
    var bytes = ByteWriter()
    swap(&bytes, &collecting)
    swap(&collecting, &spare)
    return hand(bytes, from: written)
  }

  /// Writes what has collected, as much as `write` takes, and leaves the rest for a flush; says whether it took all.
  ///
  /// Only while nothing else is being written.
  mutating func writePart<Failure: Error>(_ write: (RawSpan) throws(Failure) -> Int) throws(Failure) -> Bool {
    takenOfCollecting += try write(collecting.bytes.dropping(takenOfCollecting))
    if takenOfCollecting < collecting.count { return false }
    collecting.truncate(to: 0)
    takenOfCollecting = 0
    return true
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

  /// Takes back the storage of which libuv could not write the last `unsent` bytes.
  mutating func didFail(_ storage: consuming ByteWriter, unsent: Int) {
    isWriting = false
    inFlight = 0
    takenOfFailed = storage.count - unsent
    failed = storage
  }

  /// Forgets everything, and says which messages in it the socket did not take as a whole.
  ///
  /// Not to be called while libuv writes.
  mutating func discard() -> DroppedMessages {
    var count = failed.bytes.countMessages(endingBehind: takenOfFailed)
    while let segment = sealed.popFirst() {
      var bytes = ByteWriter()
      swap(&bytes, &segment.bytes)
      count += bytes.bytes.countMessages(endingBehind: 0)
    }
    count += collecting.bytes.countMessages(endingBehind: takenOfCollecting)
    self = OutBuffer()
    return count
  }

  private mutating func hand(_ bytes: consuming ByteWriter, from offset: Int) -> Flush {
    isWriting = true
    inFlight = bytes.count - offset
    return .write(bytes, from: offset)
  }

  private mutating func seal() {
    let segment = Segment()
    sealedBytes += collecting.count
    swap(&segment.bytes, &collecting)
    sealed.append(segment)
  }
}
