public import CMailroomThread
internal import Glibc

/// Which thread is running.
public enum ThreadID {
  /// A number that no other living thread has; never zero.
  ///
  /// Costs the read of a register.
  @inlinable public static var current: UInt { UInt(mailroom_thread()) }
}

extension ThreadID {
  /// Lets other threads run before this one goes on.
  public static func yield() {
    sched_yield()
  }
}
