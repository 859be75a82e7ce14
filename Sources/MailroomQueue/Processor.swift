internal import CMailroomThread

/// The processors that threads run on, numbered as the system numbers them.
public enum Processor {
  /// The processors that the calling thread may run on, in ascending order.
  public static var allowed: [Int] {
    var numbers = [Int32](repeating: 0, count: 1024)
    let count = mailroom_processors(&numbers, numbers.count)
    return numbers.prefix(count).map { Int($0) }
  }

  /// Whether a thread can be bound to a processor of this number.
  ///
  /// Others than the ``allowed`` ones of a thread may be: only the system knows, so a thread is started to find out.
  ///
  /// - Throws: ``WorkerThread/StartError`` when the system has no thread to give.
  public static func canRun(on number: Int) throws(WorkerThread.StartError) -> Bool {
    do throws(WorkerThread.StartError) {
      try WorkerThread(name: "probe", processors: [number]) {}.join()
      return true
    } catch {
      if error.isForProcessors { return false }
      throw error
    }
  }

  /// Waits, on whichever processor the caller runs, for the moment that lies between two looks of a thread that spins; false, at once, when it should sleep.
  ///
  /// Takes tens of nanoseconds, or a system call when others are to be let run.
  public static func waits(_ step: SpinBudget.Step) -> Bool {
    switch step {
    case .look: mailroom_pause()
    case .yield: ThreadID.yield()
    case .sleep: return false
    }
    return true
  }
}
