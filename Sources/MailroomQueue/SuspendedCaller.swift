public import Synchronization

/// The one task that waits for a value, and the guarantee that it gets exactly one.
///
/// One atomic word: nobody waits yet, a suspended task, or done.
///
/// ```
///   new ──wait──► waiting ──resume──► done
///    └───────────resume────────────►───┘   (the task that then comes to wait goes on with the fallback)
/// ```
///
/// - Thread safety: ``resume(returning:)`` from any thread, any number of times; the first one counts.
/// - Cost: no allocation; one atomic exchange on each side.
public struct SuspendedCaller<Value: Sendable>: ~Copyable, Sendable {
  @inlinable static var done: UInt { @inline(__always) get { 1 } }
  /// Atomic: zero, a suspended continuation, or `done`.
  ///
  /// The release of `wait` pairs with the acquire of `resume`.
  @usableFromInline let word = Atomic<UInt>(0)

  /// Nobody waits yet.
  @inlinable
  public init() {}

  /// Whether the value was given.
  @inlinable public var isDone: Bool { @inline(__always) get { word.load(ordering: .relaxed) == Self.done } }

  /// Suspends the calling task, then runs `start`; returns the value given to ``resume(returning:)``.
  ///
  /// To be called once.
  ///
  /// - Parameters:
  ///   - fallback: says what is returned, without running `start`, when the value was given before.
  ///   - start: sets off what will give the value; may do so itself.
  @inlinable
  public nonisolated(nonsending) func wait(fallback: @autoclosure () -> Value, _ start: () -> Void) async -> Value {
    let value = await withUnsafeContinuation { (continuation: UnsafeContinuation<Value, Never>) in
      // A continuation is one pointer; as a number it fits the word that also says whether it is still there.
      let waiting = unsafeBitCast(continuation, to: UInt.self)
      if word.compareExchange(expected: 0, desired: waiting, ordering: .acquiringAndReleasing).exchanged {
        start()
      } else {
        continuation.resume(returning: fallback())
      }
    }
    // Pairs with `resume`. The runtime orders the two as well, but where nobody can check it.
    _ = word.load(ordering: .acquiring)
    return value
  }

  /// Gives the value, unless one was given before; says whether it did.
  @inlinable
  @discardableResult
  public func resume(returning value: Value) -> Bool {
    let seen = word.exchange(Self.done, ordering: .acquiringAndReleasing)
    if seen == Self.done { return false }
    if seen != 0 { unsafeBitCast(seen, to: UnsafeContinuation<Value, Never>.self).resume(returning: value) }
    return true
  }
}
