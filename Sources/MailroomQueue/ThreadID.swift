internal import Glibc

/// Which thread is running.
package enum ThreadID {
  /// A number that no other living thread has; never zero.
  ///
  /// Costs a function call.
  package static var current: UInt { UInt(pthread_self()) }
}

extension ThreadID {
  /// Lets other threads run before this one goes on.
  package static func yield() {
    sched_yield()
  }
}
