/// The key of a map's entry.
struct BinaryKey {
  /// Where its text is.
  let block: BinaryBlock
  /// What stands for it in the coder's list of keys.
  let number: Int
}
