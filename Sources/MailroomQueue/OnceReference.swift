public import Synchronization

/// A place for one object, put there by whoever comes first, that any thread may look into.
///
/// - Thread safety: any thread.
/// - Cost: a retain, and one atomic exchange to put the object there; the standard library's own type for this looks its generic
///   type up at run time with every call.
public struct OnceReference<Object: AnyObject & Sendable>: ~Copyable, Sendable {
  /// Atomic: zero, or a retained object's address.
  ///
  /// The release of `set` pairs with the acquire of `object`. Once set it stays, so that the object lives as long as this, but for
  /// ``clear()``.
  @usableFromInline let address = Atomic<UInt>(0)

  /// Nothing is there yet.
  @inlinable
  public init() {}

  @inlinable
  deinit {
    if let pointer = UnsafeRawPointer(bitPattern: address.load(ordering: .acquiring)) {
      Unmanaged<Object>.fromOpaque(pointer).release()
    }
  }

  /// Puts `object` there, unless one is there already; says whether it did.
  @inlinable
  @discardableResult
  public func set(_ object: Object) -> Bool {
    let retained = Unmanaged.passRetained(object)
    let isFirst = address.compareExchange(
      expected: 0, desired: UInt(bitPattern: retained.toOpaque()), ordering: .acquiringAndReleasing
    ).exchanged
    if !isFirst { retained.release() }
    return isFirst
  }

  /// Lets go of the object, if there is one.
  ///
  /// Only when nobody else puts or looks, or will.
  @inlinable
  public func clear() {
    guard let pointer = UnsafeRawPointer(bitPattern: address.exchange(0, ordering: .acquiringAndReleasing)) else {
      return
    }
    Unmanaged<Object>.fromOpaque(pointer).release()
  }

  /// What is there; nil while nothing is.
  @inlinable
  public var object: Object? {
    guard let pointer = UnsafeRawPointer(bitPattern: address.load(ordering: .acquiring)) else { return nil }
    return Unmanaged<Object>.fromOpaque(pointer).takeUnretainedValue()
  }
}
