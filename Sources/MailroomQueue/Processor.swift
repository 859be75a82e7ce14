internal import CMailroomThread

/// The processor that the caller runs on.
package enum Processor {
  /// Waits for the moment that lies between two looks of a thread that spins; false, at once, when it should sleep.
  ///
  /// Takes tens of nanoseconds, or a system call when others are to be let run.
  package static func waits(_ step: SpinBudget.Step) -> Bool {
    switch step {
    case .look: mailroom_pause()
    case .yield: ThreadID.yield()
    case .sleep: return false
    }
    return true
  }
}
