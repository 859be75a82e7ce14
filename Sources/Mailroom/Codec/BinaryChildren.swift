/// The children of an array or a map in a ``BinaryTree``.
struct BinaryChildren {
  /// The last child's place in the tree, meaningless when there is none.
  ///
  /// The last child's successor is the first child, so that appending and iterating both need just this place.
  var last = 0
  /// How many children there are.
  var count = 0
}
