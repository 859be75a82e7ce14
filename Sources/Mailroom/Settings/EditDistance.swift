/// How many typing errors lie between two texts.
enum EditDistance {
  /// The most errors at which one text is taken for another one.
  static let most = 2

  /// The first of `candidates` with the fewest errors between it and `text`, upper and lower case being one; nil when all
  /// have more than ``most``.
  static func nearest(to text: String, in candidates: some Sequence<String>) -> String? {
    var best: (distance: Int, candidate: String)?
    for candidate in candidates {
      guard let distance = distance(text, candidate), distance < best?.distance ?? most + 1 else { continue }
      best = (distance, candidate)
    }
    return best?.candidate
  }

  /// The insertions, deletions and replacements of bytes between two texts; nil when there are more than ``most``.
  ///
  /// Texts whose lengths alone differ by more are not read.
  static func distance(_ left: String, _ right: String) -> Int? {
    guard abs(left.utf8.count - right.utf8.count) <= most else { return nil }
    let columns = Array(right.lowercased().utf8)
    // What it takes from the left text up to here to each beginning of the right one.
    var row = Array(0...columns.count)
    for (index, byte) in left.lowercased().utf8.enumerated() {
      var diagonal = row[0]
      row[0] = index + 1
      for column in columns.indices {
        let replaced = diagonal + (byte == columns[column] ? 0 : 1)
        diagonal = row[column + 1]
        row[column + 1] = min(replaced, diagonal + 1, row[column] + 1)
      }
    }
    return row[columns.count] <= most ? row[columns.count] : nil
  }
}
