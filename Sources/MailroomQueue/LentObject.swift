public import Synchronization

/// An object that its owner lends to others without having it counted: a part of what keeps it, and not a place in memory of its own.
///
/// - Thread safety: none for the object. It is lent and let go of by the executor that the owner names, as with ``Confined``.
/// - Cost: a load.
public struct LentObject: ~Copyable, Sendable {
  // Proof, for the object need not be `Sendable`: it comes in as `sending`, so no other reference into its region is left outside, and is
  // reached by the executor that the owner names only, as what is in a `Confined`. No function lends it, lets go of it and lends it again.
  /// Atomic, so as to be a part of an object that other threads have, too: zero, or a retained object's address.
  @usableFromInline let address: Atomic<UInt>

  /// Keeps an object, which nobody else refers to.
  @inlinable
  public init<Object: AnyObject>(_ object: consuming sending Object) {
    address = Atomic(UInt(bitPattern: Unmanaged.passRetained(object).toOpaque()))
  }

  @inlinable
  deinit { clear() }

  /// The object, which must be of that type: it is not looked at.
  @inlinable
  public subscript<Object: AnyObject>(type: Object.Type) -> Lent<Object> {
    // Zero and an address are what an optional reference is in memory.
    @inline(__always) unsafeAddress { pointer.assumingMemoryBound(to: Lent<Object>.self) }
  }

  /// Not generic, for a generic type that is made here would be looked up at run time.
  @inlinable
  var pointer: UnsafeRawPointer {
    @inline(__always) get { withUnsafePointer(to: address) { UnsafeRawPointer($0) } }
  }

  /// Lets go of the object, unless that was done.
  @inlinable
  public func clear() {
    guard let pointer = UnsafeRawPointer(bitPattern: address.exchange(0, ordering: .relaxed)) else { return }
    Unmanaged<AnyObject>.fromOpaque(pointer).release()
  }
}

/// What a ``LentObject`` lends: what cannot be copied is borrowed where it stands.
@frozen
public struct Lent<Object: AnyObject>: ~Copyable {
  /// The object; nil when it was let go of.
  public let object: Object?

  private init() { object = nil }
}
