/// The middle of several measurements, and how far they lie apart.
struct Spread: Codable, Equatable {
  /// The middle one; the mean of the two in the middle when their number is even.
  let median: Double
  /// The least and the greatest.
  let low, high: Double

  /// Of at least one value.
  init(_ values: [Double]) {
    precondition(!values.isEmpty, "a spread is one of values")
    let sorted = values.sorted()
    let middle = sorted.count / 2
    median = sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    low = sorted.first ?? 0
    high = sorted.last ?? 0
  }

  /// The ratios of values that were measured beside each other, one by one.
  ///
  /// Pairs whose second value is zero are left out; nil when none is left.
  static func ratios(_ values: [Double], to others: [Double]) -> Spread? {
    let ratios = zip(values, others).filter { $0.1 != 0 }.map { $0.0 / $0.1 }
    return ratios.isEmpty ? nil : Spread(ratios)
  }

  /// Half of the distance from the least to the greatest, as a part of the median.
  var relative: Double { median == 0 ? 0 : (high - low) / 2 / median }
}
