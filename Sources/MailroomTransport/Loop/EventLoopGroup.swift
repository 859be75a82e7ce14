internal import MailroomQueue
internal import Synchronization

/// The event loops that clients and servers share.
///
/// - Thread safety: any thread.
public final class EventLoopGroup: Sendable {
  /// The loops.
  public let loops: [EventLoop]
  private let turn = Atomic<Int>(0)

  /// Starts `count` loops, at least one, on a thread each.
  ///
  /// One loop is enough until a core is busy with it; with more, connections are spread over them.
  ///
  /// - Parameters:
  ///   - count: how many.
  ///   - name: what their threads are called, before their number.
  ///   - busyPoll: how long a loop without work looks for more before it sleeps, at most; less while that finds none in time. It spares
  ///     messages that follow each other closely the waking of a thread, and costs a core per loop meanwhile.
  ///   - processors: the numbers of the processors that the loops' threads are bound to, in turn; nil or none for wherever the
  ///     system likes. Linux only.
  /// - Throws: ``TransportError`` with ``TransportError/Reason/system`` when a loop could not be started, because of a number that no
  ///   processor has, among others.
  public init(
    count: Int = 1, name: String = "loop", busyPoll: Duration = .zero, processors: [Int]? = nil
  ) throws(TransportError) {
    let processors = processors ?? []
    var loops: [EventLoop] = []
    do throws(TransportError) {
      for index in 0..<max(1, count) {

        let processor = processors.isEmpty ? nil : processors[index % processors.count]
        loops.append(
          try EventLoop(name: "\(name)-\(index)", spin: SpinBudget(maximum: busyPoll), processor: processor))

      }
    } catch {
      let started = loops
      Task { for loop in started { await loop.shutdown() } }
      throw error
    }
    self.loops = loops
  }

  /// The next loop in turn.
  public func next() -> EventLoop {
    if loops.count == 1 { return loops[0] }
    let index = turn.wrappingAdd(1, ordering: .relaxed).oldValue
    return loops[Int(UInt(bitPattern: index) % UInt(loops.count))]
  }

  /// Closes everything that lives on the loops, and ends and joins their threads.
  ///
  /// Safe to call again.
  public func shutdown() async { await shutdown(within: nil) }

  /// As ``shutdown()``, but leaves loops behind that something blocks for longer; says whether all have ended.
  @discardableResult
  package func shutdown(within limit: Duration?) async -> Bool {
    // All at once: a connection between two of them ends sooner when both of its ends do.
    await withTaskGroup(of: Bool.self) { tasks in
      for loop in loops { tasks.addTask { await loop.shutdown(within: limit) } }
      return await tasks.reduce(true) { $0 && $1 }
    }
  }
}
