internal import Glibc

/// A value guarded by a lock, held for moments.
///
/// A plain pthread mutex: `Synchronization.Mutex` of Swift 6.3 is a priority-inheriting futex whose contended hand-off goes
/// through the kernel, and whose slow path a thread sanitizer cannot see.
///
/// The value stands behind the mutex, in the same cache line if it is small, and nothing else stands there: whoever has the lock has the
/// value, too.
///
/// - Thread safety: ``withLock(_:)`` from any thread; not re-entrant. Never call user code inside.
public struct Locked<Value: ~Copyable>: ~Copyable, @unchecked Sendable {
  // Proof: `value` is reached only inside `withLock`, between lock and unlock of `mutex`; both live at a fixed address
  // until deinit, which has exclusive access.
  /// Bytes of a cache line, of which the block takes whole ones.
  private static var line: Int { 64 }
  @usableFromInline let mutex: PlainMutex
  @usableFromInline let value: UnsafeMutablePointer<Value>

  /// A lock around `value`, which nobody else refers to.
  public init(_ value: consuming sending Value) {
    let offset = PlainMutex.size(alignedTo: MemoryLayout<Value>.alignment)
    let block = UnsafeMutableRawPointer.allocate(
      byteCount: (offset + MemoryLayout<Value>.size + Self.line - 1) / Self.line * Self.line,
      alignment: max(Self.line, MemoryLayout<Value>.alignment))
    mutex = PlainMutex(at: block)
    self.value = (block + offset).bindMemory(to: Value.self, capacity: 1)
    self.value.initialize(to: value)
  }

  deinit {
    value.deinitialize(count: 1)
    mutex.end().deallocate()
  }

  /// Runs `body` with exclusive access to the value.
  @inlinable
  public func withLock<Result: ~Copyable, Failure: Error>(
    _ body: (inout Value) throws(Failure) -> sending Result
  ) throws(Failure) -> sending Result {
    mutex.lock()
    defer { mutex.unlock() }
    return try body(&value.pointee)
  }
}

/// A mutex of the system's, at an address that its owner keeps.
///
/// A type of its own, because functions of generic types that are not inlined are told their types with every call.
@usableFromInline
struct PlainMutex {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>

  init(at address: UnsafeMutableRawPointer) {
    mutex = address.bindMemory(to: pthread_mutex_t.self, capacity: 1)
    mutex.initialize(to: pthread_mutex_t())
    pthread_mutex_init(mutex, nil)
  }

  /// How many bytes it takes, up to an address of that alignment.
  static func size(alignedTo alignment: Int) -> Int {
    (MemoryLayout<pthread_mutex_t>.size + alignment - 1) / alignment * alignment
  }

  @usableFromInline
  func lock() { pthread_mutex_lock(mutex) }

  @usableFromInline
  func unlock() { pthread_mutex_unlock(mutex) }

  /// Ends it; hands the memory back.
  func end() -> UnsafeMutableRawPointer {
    pthread_mutex_destroy(mutex)
    return UnsafeMutableRawPointer(mutex)
  }
}
