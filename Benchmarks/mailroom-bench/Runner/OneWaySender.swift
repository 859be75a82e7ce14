internal import Foundation
internal import Mailroom

/// How one-way messages are paced: in batches, each followed by a question that the receiver answers once it has handled them.
///
/// With two batches on their way at a time, of half a window each, the connection never runs dry and never holds more than
/// a window. What counts is what the receiver confirmed, and when.
struct Pacing {
  let batch: Int
  let inFlight: Int

  init(window: Int) {
    batch = max(1, window / 2)
    inFlight = window >= 2 ? 2 : 1
  }
}

/// Sends one-way messages from functions that the event loop calls.
final class CallbackOneWaySender: @unchecked Sendable {
  // Proof: as `CallbackAskSender`.
  private let ref: RPCEndpointRef
  private let payload: [UInt8]
  private let pacing: Pacing
  private var samples: Samples  // loop-confined
  private let recorder: Recorder
  private var running: Int  // loop-confined
  private var isStopping = false  // loop-confined
  private let onEnd: @Sendable () -> Void

  init(
    _ ref: RPCEndpointRef, payload: Int, window: Int, recorder: Recorder, onEnd: @escaping @Sendable () -> Void
  ) {
    self.ref = ref
    self.payload = Array(repeating: 0x61, count: payload)
    pacing = Pacing(window: window)
    self.recorder = recorder
    samples = Samples(recorder, block: 1024)
    running = pacing.inFlight
    self.onEnd = onEnd
  }

  func start() {
    // The first questions are asked for nothing: their answers bring the sending onto the event loop.
    for _ in 0..<running { confirm(begin: 0, messages: 0) }
  }

  private func sendBatch() {
    let begin = Clock.now
    do {
      for _ in 0..<pacing.batch { try ref.send(bytes: payload) }
      confirm(begin: begin, messages: pacing.batch)
    } catch {
      stop(error)
    }
  }

  private func confirm(begin: UInt64, messages: Int) {
    ref.ask(HandledCount()) { [self] result in
      switch result {
      case .failure(let error): stop(error)
      case .success:
        // The last batches are counted too, so that all that was sent is.
        let goesOn = samples.record(messages: UInt64(messages), from: begin, to: Clock.now)
        if goesOn && !isStopping { sendBatch() } else { stop(nil) }
      }
    }
  }

  private func stop(_ error: (any Error)?) {
    if let error { recorder.fail(error) }
    isStopping = true
    running -= 1
    if running == 0 {
      samples.deliver()
      onEnd()
    }
  }
}

/// Sends one-way messages from a thread of its own, as an ordinary program would.
enum AsyncOneWaySender {
  static func run(_ ref: RPCEndpointRef, payload: Int, window: Int, recorder: Recorder) async {
    let pacing = Pacing(window: window)
    let payload = [UInt8](repeating: 0x61, count: payload)
    var samples = Samples(recorder, block: 1024)
    do {
      var confirming: [Task<(UInt64, UInt64), any Error>] = []
      while true {
        let begin = Clock.now
        for _ in 0..<pacing.batch { try ref.send(bytes: payload) }
        confirming.append(
          Task.immediate {
            _ = try await ref.ask(HandledCount())
            return (begin, Clock.now)
          })
        if confirming.count < pacing.inFlight { continue }
        let (sent, now) = try await confirming.removeFirst().value
        if !samples.record(messages: UInt64(pacing.batch), from: sent, to: now) { break }
      }
      // The last batches are counted too, so that all that was sent is.
      for task in confirming {
        let (sent, now) = try await task.value
        _ = samples.record(messages: UInt64(pacing.batch), from: sent, to: now)
      }
    } catch {
      recorder.fail(error)
    }
    samples.deliver()
  }
}
