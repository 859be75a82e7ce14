import Foundation

/// What came back while counting was on, and how long it took.
///
/// Used by one thread or task at a time. Several that measure side by side each take a copy from before the run, and
/// are added up behind it.
public struct Recorder: Sendable {
  private let start, end: UInt64
  private var last: UInt64 = 0
  private var messages = 0
  private var latencies = Histogram()

  /// Counting begins after the warm-up, from now on.
  public init(_ options: Options) {
    start = Clock.now + UInt64(options.warmup * 1e9)
    end = start + UInt64(options.seconds * 1e9)
  }

  /// Counts `messages` that were sent at `begin` and are done now, if they were sent while counting.
  ///
  /// - Returns: whether to go on.
  public mutating func record(from begin: UInt64, messages count: Int) -> Bool {
    let now = Clock.now
    if begin >= start {
      messages += count
      last = max(last, now)
      latencies.add(now - begin)
    }
    return now < end
  }

  /// Adds what another one counted.
  public mutating func add(_ other: Recorder) {
    messages += other.messages
    last = max(last, other.last)
    latencies.add(other.latencies)
  }

  /// Prints the line that the driver reads.
  public func print() {
    let seconds = last > start ? Double(last - start) / 1e9 : 0
    Swift.print(
      String(
        format: "{\"messages\": %d, \"seconds\": %.6f, \"p50_us\": %.3f, \"p99_us\": %.3f}", messages, seconds,
        latencies.microseconds(at: 50), latencies.microseconds(at: 99)))
  }
}

/// How much is on its way at a time.
///
/// One-way messages go in batches, each followed by a question that the receiver answers once it has handled them. With
/// two batches on their way at a time, of half a window each, the connection never runs dry and never holds more than a
/// window.
public struct Pacing: Sendable {
  /// Messages that are sent at once.
  public let batch: Int
  /// Batches on their way.
  public let outstanding: Int

  /// The pacing of a scenario.
  public init(_ options: Options) {
    batch = options.isOneWay ? max(1, options.window / 2) : 1
    outstanding = options.isOneWay ? min(2, options.window) : options.window
  }
}
