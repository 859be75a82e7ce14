internal import Histogram

/// Microseconds at percentiles.
struct Latency: Codable, Equatable {
  var p50, p90, p99, p999, max: Double

  /// Of nanoseconds; all zero when there are none.
  init(_ nanoseconds: Histogram<UInt64>) {
    let at = { (percentile: Double) in Double(nanoseconds.valueAtPercentile(percentile)) / 1000 }
    p50 = at(50)
    p90 = at(90)
    p99 = at(99)
    p999 = at(99.9)
    max = nanoseconds.totalCount == 0 ? 0 : Double(nanoseconds.maxRecorded) / 1000
  }

  /// The names of ``cells``.
  static let columns = ["p50 us", "p90 us", "p99 us", "p99.9 us", "max us"]

  /// For a table.
  var cells: [String] { [p50, p90, p99, p999, max].map(Format.decimal) }
}
