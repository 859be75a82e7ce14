/// A text that compares and hashes by its bytes, for dictionaries.
///
/// `String` compares by canonical equivalence: of two keys that look alike, one could come back as the other.
struct BinaryText: Hashable {
  /// The text.
  let text: String
  /// Whether `String`'s own operations work on the bytes: they do for ASCII, and are much faster than a loop.
  let isASCII: Bool

  /// The text, to be compared by its bytes.
  init(_ text: String) {
    self.text = text
    // Only ASCII takes as many code units in UTF-8 as in UTF-16. Strings know whether they are ASCII: no counting.
    isASCII = text.utf16.count == text.utf8.count
  }

  /// Whether both texts have the same bytes.
  static func == (left: Self, right: Self) -> Bool {
    guard left.text.utf8.count == right.text.utf8.count, left.isASCII == right.isASCII else { return false }
    return left.isASCII ? left.text == right.text : left.text.utf8.elementsEqual(right.text.utf8)
  }

  /// Feeds the bytes to the hasher.
  func hash(into hasher: inout Hasher) {
    guard !isASCII else { return hasher.combine(text) }
    for byte in text.utf8 { hasher.combine(byte) }
  }
}
