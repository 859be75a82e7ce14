extension BinaryTree {
  /// Makes the value at a place an array, when `T` is one of the most common types of arrays, and tells whether it is.
  ///
  /// The result is what the array's own encoding comes to, at a fraction of its time.
  mutating func setElements<T>(_ value: T, at place: Int) -> Bool {
    if T.self == [Int].self, let elements = value as? [Int] {
      setElements(elements, at: place)
    } else if T.self == [String].self, let elements = value as? [String] {
      setElements(elements, at: place)
    } else if T.self == [Double].self, let elements = value as? [Double] {
      setElements(elements, at: place)
    } else {
      return false
    }
    return true
  }

  private mutating func setElements<Element>(_ elements: [Element], at place: Int) {
    set(.array(BinaryChildren()), at: place)
    for element in elements { put(add(value(scalar: element)), in: place) }
  }

  /// The elements of an array, when `T` is one of the most common types of arrays.
  ///
  /// Nil too when an element does not fit: the array's own decoding tells which.
  func elements<T>(_ children: BinaryChildren, as type: T.Type) -> T? {
    if T.self == [Int].self { return elements(children, of: Int.self) as? T }
    if T.self == [String].self { return elements(children, of: String.self) as? T }
    if T.self == [Double].self { return elements(children, of: Double.self) as? T }
    return nil
  }

  private func elements<Element>(_ children: BinaryChildren, of type: Element.Type) -> [Element]? {
    guard var place = first(of: children) else { return [] }
    var elements: [Element] = []
    elements.reserveCapacity(children.count)
    for _ in 0..<children.count {
      guard let value = self[place].value, let element = try? scalar(value, as: type) else { return nil }
      elements.append(element)
      place = successor(of: place)
    }
    return elements
  }
}
