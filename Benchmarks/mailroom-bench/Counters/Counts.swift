internal import CCounters
internal import Glibc
internal import Mailroom

/// What a process has asked of its allocator and of the kernel since it began.
struct Counts: RPCValue, Codable, Equatable {
  /// Calls of malloc and its like, and the bytes they asked for.
  var allocations, allocatedBytes: UInt64
  /// System calls by what they do; ``wakeUps`` are among ``writes`` and ``otherCalls``.
  var reads, writes, polls, otherCalls: UInt64
  /// Calls that let a sleeping thread go on.
  var wakeUps: UInt64
  /// Times that a thread gave up its core or lost it.
  var contextSwitches: UInt64
  /// Processor time of all threads, in microseconds, the kernel's part included.
  var cpuMicroseconds: UInt64

  /// Whether this build counts allocations and system calls; all are zero where it does not.
  static var areComplete: Bool { ccounters_are_on() }

  /// The counts of this process.
  static func now() -> Counts {
    let counted = ccounters_now()
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    let microseconds = { (time: timeval) in UInt64(time.tv_sec) * 1_000_000 + UInt64(time.tv_usec) }
    return Counts(
      allocations: counted.allocations, allocatedBytes: counted.allocated_bytes, reads: counted.reads,
      writes: counted.writes, polls: counted.polls, otherCalls: counted.other_calls, wakeUps: counted.wake_ups,
      contextSwitches: UInt64(usage.ru_nvcsw + usage.ru_nivcsw),
      cpuMicroseconds: microseconds(usage.ru_utime) + microseconds(usage.ru_stime))
  }

  /// What was counted between two times, per message.
  func perMessage(since earlier: Counts, messages: UInt64) -> CountsPerMessage {
    func share(_ count: KeyPath<Counts, UInt64>) -> Double {
      Double(self[keyPath: count] &- earlier[keyPath: count]) / Double(max(1, messages))
    }
    return CountsPerMessage(
      allocations: share(\.allocations), allocatedBytes: share(\.allocatedBytes), reads: share(\.reads),
      writes: share(\.writes), polls: share(\.polls), otherCalls: share(\.otherCalls), wakeUps: share(\.wakeUps),
      contextSwitches: share(\.contextSwitches), cpuMicroseconds: share(\.cpuMicroseconds))
  }
}

/// A thread of the instrument itself, which counts nothing.
func leaveOutThisThread() { ccounters_leave_out_this_thread() }
