/// Sixteen numbers below sixteen in one word, so that a state is quick to copy and to hash.
struct Numbers: Hashable {
  static var limit: Int { 16 }
  private var bits: UInt64 = 0

  subscript(index: Int) -> Int {
    get { Int(bits >> UInt64(4 * index) & 15) }
    set { bits = bits & ~(15 << UInt64(4 * index)) | UInt64(newValue) << UInt64(4 * index) }
  }

  mutating func removeFirst() { bits >>= 4 }
}
