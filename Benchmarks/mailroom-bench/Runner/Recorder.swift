internal import Foundation
internal import Histogram

/// What the senders of one round measured: how much came back, and how long each took.
///
/// Shared by all senders; each hands over its samples in blocks, so that the lock is rarely taken.
final class Recorder: @unchecked Sendable {
  // Proof: everything mutable is touched under `lock`.
  private let lock = NSLock()
  private var latencies = Histogram.ofNanoseconds()  // guarded by lock
  private var counted: UInt64 = 0  // guarded by lock
  private var failure: (any Error)?  // guarded by lock
  private var last: UInt64 = 0  // guarded by lock

  /// When counting begins: now.
  let start: UInt64
  /// When senders stop, unless they stop by count.
  ///
  /// What is on its way then is counted when it comes.
  let end: UInt64
  /// Messages to send, over all senders; nil when time ends the round.
  let limit: UInt64?

  init(_ amount: Amount) {
    start = Clock.now
    switch amount {
    case .messages(let count):
      limit = UInt64(count)
      end = .max
    case .seconds(let seconds):
      limit = nil
      end = start + UInt64(seconds * 1e9)
    }
  }

  /// Adds messages that were counted until `now`, and the nanoseconds each sample took.
  func add(count: UInt64, until now: UInt64, samples: [UInt64]) {
    lock.withLock {
      counted += count
      last = max(last, now)
      for sample in samples { latencies.record(sample) }
    }
  }

  /// Notes that a sender failed; the round then fails with the first error.
  func fail(_ error: any Error) { lock.withLock { failure = failure ?? error } }

  var count: UInt64 { lock.withLock { counted } }

  /// Seconds from the beginning of counting to the last message that was counted.
  var seconds: Double { lock.withLock { last > start ? Double(last - start) / 1e9 : 0 } }
  var error: (any Error)? { lock.withLock { failure } }
  /// Nanoseconds.
  var histogram: Histogram<UInt64> { lock.withLock { latencies } }

  /// Whether the senders should stop: time is up, enough was counted, or one failed.
  func isOver(at now: UInt64) -> Bool {
    if now >= end { return true }
    return lock.withLock { failure != nil || (limit.map { counted >= $0 } ?? false) }
  }

  /// The percentiles of what was recorded.
  func percentiles() -> Latency { Latency(histogram) }
}

/// One sender's samples on their way to the recorder.
///
/// Owned by the sender.
struct Samples {
  private let recorder: Recorder
  private let block: Int
  private var pending: [UInt64] = []
  private var count: UInt64 = 0
  private var lastDelivery: UInt64 = 0
  private var lastCounted: UInt64 = 0

  /// Hands over `block` samples at a time, or what there is every 20 ms.
  init(_ recorder: Recorder, block: Int) {
    self.recorder = recorder
    self.block = block
    pending.reserveCapacity(block)
  }

  /// Counts `messages` that took from `begin` to `now`, unless they began before the recorder counted.
  ///
  /// - Returns: whether the sender should go on.
  mutating func record(messages: UInt64 = 1, from begin: UInt64, to now: UInt64) -> Bool {
    if begin >= recorder.start {
      count += messages
      lastCounted = max(lastCounted, now)
      pending.append(now - begin)
    }
    if pending.count == block || now > lastDelivery + 20_000_000 {
      lastDelivery = now
      deliver()
      return !recorder.isOver(at: now)
    }
    return now < recorder.end
  }

  /// Hands over what is left.
  mutating func deliver() {
    recorder.add(count: count, until: lastCounted, samples: pending)
    pending.removeAll(keepingCapacity: true)
    count = 0
  }
}
