internal import Glibc

/// Where one thread waits until another lets it go on.
///
/// A permit counter: each ``unpark()`` lets one ``park()`` through, whichever comes first, so a wake-up is never lost.
///
/// - Thread safety: ``unpark()`` from any thread; ``park()`` from the one thread that waits here.
/// - Cost: no system call when the permit is there, or nobody waits; else one each.
public struct Parker: ~Copyable, @unchecked Sendable {
  // Proof: POSIX semaphores may be posted and waited for by any threads at the same time; the pointer is immutable
  // after init.
  private let semaphore: UnsafeMutablePointer<sem_t>

  /// A parker without a permit.
  public init() {
    semaphore = .allocate(capacity: 1)
    semaphore.initialize(to: sem_t())
    sem_init(semaphore, 0, 0)
  }

  deinit {
    sem_destroy(semaphore)
    semaphore.deallocate()
  }

  /// Waits for a permit and takes it.
  public func park() {
    while sem_wait(semaphore) != 0 && errno == EINTR {}
  }

  /// Gives one permit.
  public func unpark() {
    sem_post(semaphore)
  }
}
