internal import CMailroomThread
internal import Glibc
internal import Synchronization

/// A named thread that runs one function and is joined.
///
/// Signals that are meant for the process are left to other threads: a worker blocks them all except those that a fault
/// raises, so neither SIGPIPE nor an embedding program's handlers ever interrupt it.
///
/// - Thread safety: ``join()`` from any other thread; only its first call waits.
public final class WorkerThread: Sendable {
  /// The system refused to start a thread.
  public struct StartError: Error, Sendable {
    /// The system's error number.
    public let errno: Int32
    /// Whether that is because no thread can be bound to these processors.
    public let isForProcessors: Bool

    init(_ errno: Int32, isBound: Bool) {
      self.errno = errno
      isForProcessors = isBound && (errno == EINVAL || errno == ENOTSUP)
    }
  }

  private let handle: pthread_t
  private let end: End
  private let joined = Atomic<Bool>(false)

  private final class Start: Sendable {
    let name: String
    let end: End
    let body: @Sendable () -> Void

    init(name: String, end: End, body: @escaping @Sendable () -> Void) {
      self.name = name
      self.end = end
      self.body = body
    }
  }

  /// Whether the thread is past its body.
  ///
  /// Afterwards the system may give its handle to a new thread.
  private final class End: Sendable {
    /// Atomic; relaxed, because a thread that gets the handle again was started after this one was joined.
    let isReached = Atomic<Bool>(false)
  }

  /// Starts a thread that runs `body`.
  ///
  /// - Parameters:
  ///   - name: what debuggers and profilers show; Linux keeps 15 bytes of it.
  ///   - processors: the numbers of those that it runs on, of which the system passes over those that it does not have; nil for
  ///     wherever the system likes.
  ///   - body: runs once, on the new thread.
  /// - Throws: ``StartError`` when the system has no thread to give, or none of the processors.
  public init(
    name: String, processors: [Int]? = nil, _ body: @escaping @Sendable () -> Void
  ) throws(StartError) {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    if let processors {
      let numbers = processors.map { Int32(exactly: $0) ?? -1 }
      let result = mailroom_attributes_set_processors(&attributes, numbers, numbers.count)
      if result != 0 { throw StartError(result, isBound: true) }
    }
    let end = End()
    let start = Unmanaged.passRetained(Start(name: name, end: end, body: body))
    var old = sigset_t()
    var blocked = sigset_t()
    sigfillset(&blocked)
    for fault in [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS] { sigdelset(&blocked, fault) }
    // The new thread inherits the mask, so there is no moment in which it could take a signal.
    pthread_sigmask(SIG_SETMASK, &blocked, &old)
    var thread = pthread_t()
    let result = pthread_create(
      &thread, &attributes,
      { argument in
        guard let argument else { return nil }
        let end: End
        do {
          let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
          WorkerThread.setName(start.name)
          pthread_setspecific(WorkerThread.mark, argument)
          end = start.end
          start.body()
        }
        end.isReached.store(true, ordering: .relaxed)
        return nil
      }, start.toOpaque())
    pthread_sigmask(SIG_SETMASK, &old, nil)
    guard result == 0 else {
      start.release()
      throw StartError(result, isBound: processors != nil)
    }
    handle = thread
    self.end = end
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

  /// Whether the caller runs on any worker thread.
  public static var isCurrentOne: Bool { pthread_getspecific(mark) != nil }

  /// The key under which worker threads, and no others, have something.
  private static let mark: pthread_key_t = {
    var key = pthread_key_t()
    pthread_key_create(&key, nil)
    return key
  }()

  /// Whether the caller runs on this thread.
  public var isCurrent: Bool { !end.isReached.load(ordering: .relaxed) && pthread_equal(pthread_self(), handle) != 0 }

  /// Waits until the thread has ended.
  ///
  /// Returns at once on later calls, and on the thread itself.
  public func join() {
    if isCurrent || joined.exchange(true, ordering: .acquiringAndReleasing) { return }
    pthread_join(handle, nil)
  }
}
