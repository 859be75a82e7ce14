internal import Glibc
internal import Synchronization

/// A named thread that runs one function and is joined.
///
/// Signals that are meant for the process are left to other threads: a worker blocks them all except those that a fault
/// raises, so neither SIGPIPE nor an embedding program's handlers ever interrupt it.
///
/// - Thread safety: ``join()`` from any other thread; only its first call waits.
package final class WorkerThread: Sendable {
  /// The system refused to start a thread.
  package struct StartError: Error, Sendable {
    /// The system's error number.
    package let errno: Int32
  }

  private let handle: pthread_t
  private let joined = Atomic<Bool>(false)

  private final class Start: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
      self.name = name
      self.body = body
    }
  }

  /// Starts a thread that runs `body`.
  ///
  /// - Parameters:
  ///   - name: what debuggers and profilers show; Linux keeps 15 bytes of it.
  ///   - body: runs once, on the new thread.
  /// - Throws: ``StartError`` when the system has no thread to give.
  package init(name: String, _ body: @escaping @Sendable () -> Void) throws(StartError) {
    let start = Unmanaged.passRetained(Start(name: name, body: body))
    var old = sigset_t()
    var blocked = sigset_t()
    sigfillset(&blocked)
    for fault in [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS] { sigdelset(&blocked, fault) }
    // The new thread inherits the mask, so there is no moment in which it could take a signal.
    pthread_sigmask(SIG_SETMASK, &blocked, &old)
    var thread = pthread_t()
    let result = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
        WorkerThread.setName(start.name)
        start.body()
        return nil
      }, start.toOpaque())
    pthread_sigmask(SIG_SETMASK, &old, nil)
    guard result == 0 else {
      start.release()
      throw StartError(errno: result)
    }
    handle = thread
  }

  deinit {
    assert(joined.load(ordering: .relaxed), "Thread leak: a worker was dropped without being joined")
  }

  /// Names the calling thread, through the file that the kernel has for it: glibc's function for it is a GNU extension,
  /// which Swift does not import.
  private static func setName(_ name: String) {
    let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
    guard file >= 0 else { return }
    _ = Array(name.utf8.prefix(15)).withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
    close(file)
  }

  /// Whether the caller runs on this thread.
  package var isCurrent: Bool { pthread_equal(pthread_self(), handle) != 0 }

  /// Waits until the thread has ended. Returns at once on later calls, and on the thread itself.
  package func join() {
    if isCurrent || joined.exchange(true, ordering: .acquiringAndReleasing) { return }
    pthread_join(handle, nil)
  }
}
