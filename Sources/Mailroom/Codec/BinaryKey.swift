/// The key of a map's entry.
struct BinaryKey {
  /// Where its text is.
  let block: BinaryBlock
  /// Its number in the tree's ``BinaryKeyTable``: keys of one tree have the same text if they have the same number, and only then.
  let number: Int
}
