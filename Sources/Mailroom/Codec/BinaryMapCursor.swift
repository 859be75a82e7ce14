/// Finds the entries of a map, quickest in the order in which they were encoded.
final class BinaryMapCursor {
  private let tree: BinaryTree
  private let children: BinaryChildren
  /// The last entry found, or the last one of all.
  private var place: Int

  /// A cursor over the entries of a map in `tree`.
  init(tree: BinaryTree, children: BinaryChildren) {
    self.tree = tree
    self.children = children
    place = children.last
  }

  /// The value for a key, nil when there is no such key.
  func value(for key: String) -> BinaryValue? {
    guard children.count > 0 else { return nil }
    let key = BinaryKey(key)
    // A property is asked about repeatedly: is it there, is it nil, what is it.
    if tree[place].key == key { return tree[place].value }
    let next = tree.successor(of: place)
    if tree[next].key == key {
      place = next
    } else if let found = tree.place(of: key, in: children) {
      place = found
    } else {
      return nil
    }
    return tree[place].value
  }

  /// The keys, in order.
  var keys: [String] {
    guard var place = tree.first(of: children) else { return [] }
    var keys: [String] = []
    for _ in 0..<children.count {
      if let key = tree[place].key { keys.append(key.text) }
      place = tree.successor(of: place)
    }
    return keys
  }
}
