internal import Foundation
internal import Mailroom
internal import Synchronization

/// Asks at a steady rate, whether answers come or not, and measures each ask from when it should have begun.
///
/// So an ask that had to wait for the asker counts with the wait, and a stall counts for every ask that it delayed, and not
/// only for those that were on their way. The answers are taken by the event loop.
final class OpenLoopSender: @unchecked Sendable {
  // Proof: `samples` is touched by the event loop of the one connection, and when it was the last to let go of `held`, by the
  // asking thread; `result` by the asking thread alone until the end. `held` orders both before the end.

  /// What was asked.
  struct Result {
    /// Asks that were made.
    var sent: UInt64 = 0
    /// Asks that found no room; they are among those made, and have no latency.
    var refused: UInt64 = 0
    /// By how much asks began later than they should have.
    var lateness: Latency
  }

  /// How fast.
  enum Pace {
    /// Asks per second.
    case rate(Double)
    /// As fast as answers come, with so many on their way.
    case most(window: Int)
  }

  private let ref: RPCEndpointRef
  private let payload: [UInt8]
  private let pace: Pace
  private let seconds: Double
  private let recorder: Recorder
  private let late: Recorder
  private var samples: Samples  // loop-confined
  private let refused = Atomic<UInt64>(0)
  /// One for each ask without an answer, and one for the asking thread.
  private let held = Atomic<Int>(1)
  private let onEnd: Waiter

  /// The task that waits for the end.
  private final class Waiter: @unchecked Sendable {
    // Proof: written before the asking thread starts, read after its last ask.
    var continuation: CheckedContinuation<Void, Never>?  // immutable after init
  }

  /// The latencies go to `recorder`, which counts from now on.
  init(_ ref: RPCEndpointRef, payload: Int, pace: Pace, seconds: Double, recorder: Recorder) {
    self.ref = ref
    self.payload = Array(repeating: 0x61, count: payload)
    self.pace = pace
    self.seconds = seconds
    self.recorder = recorder
    late = Recorder(.seconds(seconds))
    samples = Samples(recorder, block: 256)
    onEnd = Waiter()
  }

  /// Asks, on a thread of its own, and waits for all answers.
  func run() async -> Result {
    await withCheckedContinuation { continuation in
      onEnd.continuation = continuation
      Thread.detachNewThread { [self] in
        ThreadTimer.makePunctual()
        switch pace {
        case .rate(let rate): askSteadily(rate)
        case .most(let window): askAsFast(window)
        }
        letGo()
      }
    }
    return Result(
      sent: late.count, refused: refused.load(ordering: .relaxed), lateness: late.percentiles())
  }

  private func askSteadily(_ rate: Double) {
    let interval = 1e9 / rate
    let count = max(1, Int(rate * seconds))
    var lateness = Samples(late, block: 1024)
    let start = Clock.now
    for index in 0..<count {
      let begin = start + UInt64(Double(index) * interval)
      var now = Clock.now
      if now < begin {
        Clock.block(until: begin)
        now = Clock.now
      }
      _ = lateness.record(from: begin, to: now)
      ask(begin)
    }
    lateness.deliver()
  }

  private func askAsFast(_ window: Int) {
    var lateness = Samples(late, block: 1024)
    let end = Clock.now + UInt64(seconds * 1e9)
    while true {
      let now = Clock.now
      if now >= end { break }
      if held.load(ordering: .acquiring) > window {
        Clock.block(until: now + 10_000)
        continue
      }
      _ = lateness.record(from: now, to: now)
      ask(now)
    }
    lateness.deliver()
  }

  private func ask(_ begin: UInt64) {
    held.add(1, ordering: .relaxed)
    ref.ask(bytes: payload) { [self] reply in
      didReply(begin, reply)
      letGo()
    }
  }

  private func didReply(_ begin: UInt64, _ reply: borrowing RPCBytesReply) {
    do throws(RPCError) {
      guard try reply.bytes.byteCount == payload.count else {
        return recorder.fail(BenchError("an answer of another length"))
      }
      _ = samples.record(from: begin, to: Clock.now)
    } catch {
      if error.code == .full { refused.add(1, ordering: .relaxed) } else { recorder.fail(error) }
    }
  }

  private func letGo() {
    guard held.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 else { return }
    samples.deliver()
    onEnd.continuation?.resume()
  }
}
