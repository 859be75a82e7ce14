public import CMailroomThread
public import Synchronization

/// An address to be fetched into the processor's caches; it is never read or written through.
///
/// - Thread safety: a value. Whatever is or was at the address, fetching it has no effect but on time.
@frozen
public struct MemoryPlace: Equatable, Sendable {
  /// Nowhere.
  @inlinable public static var none: MemoryPlace { MemoryPlace(address: 0) }

  @usableFromInline let address: UInt

  @inlinable
  init(address: UInt) { self.address = address }

  /// Where an object is.
  public init(of object: AnyObject) { self.init(of: ObjectIdentifier(object)) }

  /// Where the object is that this identifies.
  public init(of object: ObjectIdentifier) { address = UInt(bitPattern: object) }

  /// Where an atomic word is that is a part of an object.
  public init<Word>(of word: borrowing Atomic<Word>) {
    address = withUnsafePointer(to: word) { UInt(bitPattern: $0) }
  }

  /// Has the cache line of the address fetched, to be written to.
  @inlinable
  public func fetch() { mailroom_prefetch(address) }

  /// Has bytes after the address fetched, at most as many as a cache line has, whichever two lines they are in.
  @inlinable
  public func fetch(_ bytes: ClosedRange<UInt>) {
    mailroom_prefetch(address &+ bytes.lowerBound)
    mailroom_prefetch(address &+ bytes.upperBound)
  }

  /// Has 32 bytes before the address and 32 from there on fetched, whichever two lines they are in.
  @inlinable
  public func fetchAround() {
    mailroom_prefetch(address &- 32)
    mailroom_prefetch(address &+ 31)
  }
}

extension MPSCQueue where Element: ~Copyable {
  /// Where the word is that pushes and turns change.
  public var place: MemoryPlace { MemoryPlace(of: storage.pointee.head) }
}
