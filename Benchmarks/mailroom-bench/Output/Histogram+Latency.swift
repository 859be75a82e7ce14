internal import Histogram

extension Histogram where Count == UInt64 {
  /// For nanoseconds, up to minutes without growing: growing allocates once per bucket, in the middle of a measurement.
  static func ofNanoseconds() -> Histogram<UInt64> {
    var histogram = Histogram<UInt64>(highestTrackableValue: 300_000_000_000, numberOfSignificantValueDigits: .three)
    histogram.autoResize = true
    return histogram
  }
}
