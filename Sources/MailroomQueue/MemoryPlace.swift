public import CMailroomThread

/// An address to be fetched into the processor's caches; it is never read or written through.
///
/// - Thread safety: a value. Whatever is or was at the address, fetching it has no effect but on time.
@frozen
public struct MemoryPlace: Sendable {
  /// Nowhere.
  @inlinable public static var none: MemoryPlace { MemoryPlace(address: 0) }

  @usableFromInline let address: UInt

  @inlinable
  init(address: UInt) { self.address = address }

  /// Where an object is.
  public init(of object: AnyObject) { self.init(of: ObjectIdentifier(object)) }

  /// Where the object is that this identifies.
  public init(of object: ObjectIdentifier) { address = UInt(bitPattern: object) }

  /// Has the cache line of the address fetched, to be written to.
  @inlinable
  public func fetch() { mailroom_prefetch(address) }

  /// Has 64 bytes from the address on fetched, whichever two lines they are in.
  @inlinable
  public func fetchLong() {
    mailroom_prefetch(address)
    mailroom_prefetch(address &+ 63)
  }
}

extension Confined where Value: ~Copyable {
  /// Where the value is.
  public var place: MemoryPlace { MemoryPlace(address: UInt(bitPattern: pointer)) }
}

extension MPSCQueue where Element: ~Copyable {
  /// Where the word is that pushes and turns change.
  public var place: MemoryPlace { MemoryPlace(address: UInt(bitPattern: storage)) }
}
