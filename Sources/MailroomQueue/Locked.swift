internal import Glibc

/// A value guarded by a lock, for what is touched rarely: registration, connecting, shutting down.
///
/// A plain pthread mutex: `Synchronization.Mutex` of Swift 6.3 is a priority-inheriting futex whose contended hand-off goes
/// through the kernel, and whose slow path a thread sanitizer cannot see.
///
/// - Thread safety: ``withLock(_:)`` from any thread; not re-entrant. Never call user code inside.
public struct Locked<Value: ~Copyable>: ~Copyable, @unchecked Sendable {
  // Proof: `value` is reached only inside `withLock`, between lock and unlock of `mutex`; both live at a fixed address
  // until deinit, which has exclusive access.
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let value: UnsafeMutablePointer<Value>

  /// A lock around `value`, which nobody else refers to.
  public init(_ value: consuming sending Value) {
    mutex = .allocate(capacity: 1)
    mutex.initialize(to: pthread_mutex_t())
    pthread_mutex_init(mutex, nil)
    self.value = .allocate(capacity: 1)
    self.value.initialize(to: value)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
    value.deinitialize(count: 1)
    value.deallocate()
  }

  /// Runs `body` with exclusive access to the value.
  public func withLock<Result: ~Copyable, Failure: Error>(
    _ body: (inout Value) throws(Failure) -> sending Result
  ) throws(Failure) -> sending Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body(&value.pointee)
  }
}
