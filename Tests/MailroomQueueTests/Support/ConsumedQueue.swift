import MailroomQueue
import Synchronization
import TestSupport

/// A queue with a thread that consumes it as the protocol demands: it takes only after a wake, until it may sleep.
///
/// It counts wakes and sleeps. A queue starts idle, each sleep makes it idle again, and each wake or turn begun in place
/// ends that once. So for a queue that was closed: wakes + turns = sleeps + 1.
final class ConsumedQueue<Element: ~Copyable>: Sendable {
  let queue = MPSCQueue<Element>()
  private let parker = Parker()
  private let isAbandoned = Atomic(false)
  private let ended = Signal("the consumer to find the queue closed")
  private let wakeCount = Atomic(0)
  private let sleepCount = Atomic(0)
  private let turnCount = Atomic(0)

  var wakes: Int { wakeCount.load(ordering: .relaxed) }
  var sleeps: Int { sleepCount.load(ordering: .relaxed) }
  var turns: Int { turnCount.load(ordering: .relaxed) }

  // MARK: Any thread

  /// Pushes, and wakes the consumer if that is the caller's duty; gives the element back if the queue is closed.
  func push(_ element: consuming sending Element, last: Bool = false) -> Element? {
    switch last ? queue.pushLast(element) : queue.push(element) {
    case .queued: return nil
    case .wake:
      wake()
      return nil
    case .closed(let element): return element
    }
  }

  /// Closes, and wakes the consumer if that is the caller's duty.
  func close() { if queue.close() { wake() } }

  /// Runs `body` on the calling thread as the consumer, if nobody else is and nothing is queued.
  ///
  /// - Parameter isOver: says whether the turn ended with the queue closed.
  func inPlace(_ body: () -> Void) -> Bool {
    guard queue.beginTurn() else { return false }
    turnCount.add(1, ordering: .relaxed)
    body()
    switch queue.sleep() {
    case .asleep: sleepCount.add(1, ordering: .relaxed)
    // The role goes to the consumer's thread, which finds what there is, or the end.
    case .notEmpty, .closed: parker.unpark()
    }
    return true
  }

  private func wake() {
    wakeCount.add(1, ordering: .relaxed)
    parker.unpark()
  }

  // MARK: The consumer

  /// Starts the consumer, which runs until it finds the queue closed and empty.
  ///
  /// - Parameters:
  ///   - limit: how many elements are taken between two attempts to sleep.
  ///   - body: gets each element, on the consumer's thread.
  func startConsumer(
    limit: Int = .max, _ body: @escaping @Sendable (consuming Element) -> Void
  ) throws -> WorkerThread {
    try WorkerThread(name: "consumer") { [self] in
      repeat { parker.park() } while !isAbandoned.load(ordering: .acquiring) && !takeTurn(limit, body)
      ended.fire()
    }
  }

  /// - Returns: whether the queue is closed.
  private func takeTurn(_ limit: Int, _ body: (consuming Element) -> Void) -> Bool {
    while true {
      _ = queue.drain(limit: limit, body)
      switch queue.sleep() {
      case .asleep:
        sleepCount.add(1, ordering: .relaxed)
        return false
      case .notEmpty: continue
      case .closed: return true
      }
    }
  }

  /// Waits until the consumer has ended, which it does only after the queue was closed.
  ///
  /// - Returns: whether it did in time; the test has failed if not, and the consumer was stopped.
  @discardableResult
  func join(_ consumer: WorkerThread, file: StaticString = #filePath, line: UInt = #line) -> Bool {
    let hasEnded = ended.wait(file: file, line: line)
    if !hasEnded {
      isAbandoned.store(true, ordering: .releasing)
      parker.unpark()
    }
    consumer.join()
    return hasEnded
  }
}
