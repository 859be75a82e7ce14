internal import Glibc

/// Which thread is running.
public enum ThreadID {
  /// A number that no other living thread has; never zero.
  ///
  /// Costs a function call.
  public static var current: UInt { UInt(pthread_self()) }
}

extension ThreadID {
  /// Lets other threads run before this one goes on.
  public static func yield() {
    sched_yield()
  }
}
