internal import Foundation
internal import Mailroom
internal import Synchronization

/// Asks at a steady rate, whether answers come or not, and measures each ask from when it should have begun.
///
/// So an ask that had to wait for the asker counts with the wait. The answers are taken by the event loop.
final class SteadyAsker: Sendable {
  private let ref: RPCEndpointRef
  private let payload = [UInt8](repeating: 0x61, count: 16)
  private let count: Int
  /// Nanoseconds from one ask to the next.
  private let interval: UInt64
  private let recorder: Recorder
  private let unanswered: Atomic<Int>

  /// `rate` asks per second, at least one, for as many seconds.
  init(_ ref: RPCEndpointRef, rate: Double, seconds: Double, recorder: Recorder) {
    self.ref = ref
    count = max(1, Int(rate * seconds))
    interval = UInt64(1e9 / rate)
    self.recorder = recorder
    unanswered = Atomic(count)
  }

  /// Asks, on a thread of its own, and waits for all answers.
  func run() async {
    await withCheckedContinuation { continuation in
      Thread.detachNewThread { [self] in
        let start = Clock.now
        for index in 0..<count {
          let begin = start + UInt64(index) * interval
          Clock.block(until: begin)
          ref.ask(bytes: payload) { [self] reply in
            didReply(begin, reply)
            if unanswered.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 { continuation.resume() }
          }
        }
      }
    }
  }

  private func didReply(_ begin: UInt64, _ reply: borrowing RPCBytesReply) {
    do {
      guard try reply.bytes.byteCount == payload.count else { throw BenchError("an answer of another length") }
      let now = Clock.now
      recorder.add(count: 1, until: now, samples: [now - begin])
    } catch {
      recorder.fail(error)
    }
  }
}
