/// A value that belongs to one executor at a time, in a box that may be passed around.
///
/// Something that many threads hold a reference to often has a part that only its event loop, or only the consumer of
/// its queue, may touch. That part lives in a `Confined`; its owner documents who may open it.
///
/// - Thread safety: none for the value. The box itself can be stored in a `Sendable` type.
/// - Cost: one allocation at creation; an access is a plain memory access.
public struct Confined<Value: ~Copyable>: ~Copyable, @unchecked Sendable {
  // Proof: the pointer is immutable after init, and `value` is only opened by the executor that the owner names: an
  // event loop's thread (events of one loop are sequential), or whoever has its place while it sleeps, or the consumer of an `MPSCQueue`: one
  // at a time, each ordered after the one before by the acquire-release pairs of `Tenure` or of the queue. Values come in as `sending`, so no
  // other reference into their region is left outside.
  @usableFromInline let pointer: UnsafeMutablePointer<Value>

  /// A box around `value`, which nobody else refers to.
  @inlinable
  public init(_ value: consuming sending Value) {
    pointer = .allocate(capacity: 1)
    pointer.initialize(to: value)
  }

  deinit {
    pointer.deinitialize(count: 1)
    pointer.deallocate()
  }

  /// The value, for the executor that owns it.
  @inlinable
  public var value: Value {
    @_transparent unsafeAddress { UnsafePointer(pointer) }
    @_transparent nonmutating unsafeMutableAddress { pointer }
  }
}

extension Confined where Value: Copyable {
  /// A copy of the value, for the executor that owns it.
  ///
  /// Cheaper than ``value`` where the type is generic: the accessor of a borrow is not inlined there, and looks the type up.
  @inlinable
  public var copy: Value { @_transparent get { pointer.pointee } }
}
