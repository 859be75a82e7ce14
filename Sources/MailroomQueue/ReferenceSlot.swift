public import Synchronization

/// A place for one object that is exchanged now and then by one thread, and lent to others in between.
///
/// Who exchanges it must know that nobody borrows it then: as the only owner of what this is a part of does.
///
/// - Thread safety: ``borrow(_:)`` from any thread; ``put(_:)`` and ``clear()`` while nobody else can reach this.
/// - Cost: a load to borrow: what is lent is not counted.
public struct ReferenceSlot<Object: AnyObject & Sendable>: ~Copyable, Sendable {
  /// Atomic: zero, or a retained object's address.
  ///
  /// The release of `put` pairs with the acquire of `borrow`.
  @usableFromInline let address: Atomic<UInt>

  /// A place with an object.
  @inlinable
  public init(_ object: consuming Object) {
    address = Atomic(UInt(bitPattern: Unmanaged.passRetained(object).toOpaque()))
  }

  @inlinable
  deinit { clear() }

  /// Lends the object to `body`; nil when there is none.
  @inlinable
  @inline(__always)
  public func borrow<Result>(_ body: (Object) -> Result) -> Result? {
    guard let pointer = UnsafeRawPointer(bitPattern: address.load(ordering: .acquiring)) else { return nil }
    return Unmanaged<Object>.fromOpaque(pointer)._withUnsafeGuaranteedRef { body($0) }
  }

  /// Puts an object there; there is to be none.
  @inlinable
  public func put(_ object: consuming Object) {
    address.store(UInt(bitPattern: Unmanaged.passRetained(object).toOpaque()), ordering: .releasing)
  }

  /// Lets go of the object, if there is one.
  @inlinable
  public func clear() {
    guard let pointer = UnsafeRawPointer(bitPattern: address.load(ordering: .acquiring)) else { return }
    address.store(0, ordering: .relaxed)
    Unmanaged<Object>.fromOpaque(pointer).release()
  }
}
