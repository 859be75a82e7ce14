/// Nanoseconds, counted in buckets that are at most 1 % wide.
struct Histogram {
  private var buckets = [UInt64](repeating: 0, count: 64 * 128)
  private var total: UInt64 = 0

  mutating func add(_ value: UInt64) {
    buckets[Self.index(value)] += 1
    total += 1
  }

  mutating func add(_ other: Histogram) {
    for index in buckets.indices { buckets[index] += other.buckets[index] }
    total += other.total
  }

  func microseconds(at percentile: Double) -> Double {
    let wanted = UInt64(percentile / 100 * Double(total))
    var seen: UInt64 = 0
    for (index, count) in buckets.enumerated() {
      seen += count
      if seen > wanted { return Double(Self.lowest(index)) / 1000 }
    }
    return 0
  }

  /// Values below 256 are exact; above, the 7 bits behind the highest one count.
  private static func index(_ value: UInt64) -> Int {
    if value < 256 { return Int(value) }
    let shift = 63 - value.leadingZeroBitCount - 7
    return shift * 128 + Int(value >> UInt64(shift))
  }

  private static func lowest(_ index: Int) -> UInt64 {
    if index < 256 { return UInt64(index) }
    let shift = index / 128 - 1
    return UInt64(index - shift * 128) << UInt64(shift)
  }
}
