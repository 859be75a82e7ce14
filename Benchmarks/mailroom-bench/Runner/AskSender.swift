internal import Foundation
internal import Mailroom

/// Keeps `window` asks on their way, from functions that the event loop calls.
///
/// Owned by the client's event loop from the first answer on, and by the starting thread before.
final class CallbackAskSender: @unchecked Sendable {
  // Proof: answers of one connection come on one event loop, one at a time, and only they touch the fields once `start()`
  // has asked for the first time; it goes on with a copy of the targets.
  private var targets: Targets  // loop-confined
  private let payload: [UInt8]
  private var samples: Samples  // loop-confined
  private let recorder: Recorder
  private let window: Int
  private var running: Int  // loop-confined
  private var isStopping = false  // loop-confined
  private let onEnd: @Sendable () -> Void

  /// One of the asks that are on their way: its function is made once and used for each of its asks.
  private final class Lane: @unchecked Sendable {
    // Proof: as the sender's.
    var begin: UInt64 = 0  // loop-confined
    var onReply: (@Sendable (borrowing RPCBytesReply) -> Void)?  // immutable after init, until the lane ends
  }

  init(
    _ targets: Targets, payload: Int, window: Int, recorder: Recorder, block: Int,
    onEnd: @escaping @Sendable () -> Void
  ) {
    self.targets = targets
    self.payload = Array(repeating: 0x61, count: payload)
    self.recorder = recorder
    self.window = window
    samples = Samples(recorder, block: block)
    running = window
    self.onEnd = onEnd
  }

  func start() {
    var targets = targets
    for _ in 0..<window {
      let lane = Lane()
      let onReply: @Sendable (borrowing RPCBytesReply) -> Void = { [self] reply in didReply(lane, reply) }
      lane.onReply = onReply
      lane.begin = Clock.now
      targets.ask(bytes: payload, onReply: onReply)
    }
  }

  private func ask(_ lane: Lane) {
    guard let onReply = lane.onReply else { return }
    lane.begin = Clock.now
    targets.ask(bytes: payload, onReply: onReply)
  }

  private func didReply(_ lane: Lane, _ reply: borrowing RPCBytesReply) {
    do {
      guard try reply.bytes.byteCount == payload.count else { throw BenchError("an answer of another length") }
      let goesOn = samples.record(from: lane.begin, to: Clock.now)
      if goesOn && !isStopping { return ask(lane) }
    } catch {
      recorder.fail(error)
    }
    isStopping = true
    lane.onReply = nil
    running -= 1
    if running == 0 {
      samples.deliver()
      onEnd()
    }
  }
}

/// Keeps `window` asks on their way, each by a task of its own.
enum AsyncAskSender {
  static func run(_ targets: Targets, payload: Int, window: Int, recorder: Recorder, block: Int) async {
    await withTaskGroup(of: Void.self) { group in
      for index in 0..<window {
        group.addTask {
          let payload = [UInt8](repeating: 0x61, count: payload)
          var samples = Samples(recorder, block: block)
          var targets = targets.starting(at: index)
          do {
            while true {
              let begin = Clock.now
              let reply = try await targets.next().ask(bytes: payload)
              guard reply.count == payload.count else { throw BenchError("an answer of another length") }
              if !samples.record(from: begin, to: Clock.now) { break }
            }
          } catch {
            recorder.fail(error)
          }
          samples.deliver()
        }
      }
    }
  }
}

/// Something about a run went wrong.
struct BenchError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
