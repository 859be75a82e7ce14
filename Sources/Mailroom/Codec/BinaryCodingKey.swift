/// A coding key for places that have none of their own: array elements and superclasses.
enum BinaryCodingKey: CodingKey {
  /// The array element with an index.
  case element(Int)
  /// Anything else.
  case name(String)

  /// A key with the given text.
  init(stringValue: String) { self = .name(stringValue) }

  /// The key of the array element with the given index.
  init(intValue: Int) { self = .element(intValue) }

  /// The key that `superEncoder()` and `superDecoder()` use.
  static var superclass: Self { .name("super") }

  /// The key's text, made on demand: coders need a key per element, and hardly ever its text.
  var stringValue: String {
    switch self {
    case .element(let index): "\(index)"
    case .name(let name): name
    }
  }

  /// The element's index.
  var intValue: Int? {
    if case .element(let index) = self { index } else { nil }
  }
}

/// A coder's place below another coder's place.
protocol BinaryCodingPlace {
  /// The place one level up, nil at the top level.
  var parent: Self? { get }
  /// The way from there to here.
  var key: (any CodingKey)? { get }
}

extension BinaryCodingPlace {
  /// The keys from the top level to this place, collected only when somebody asks.
  var path: [any CodingKey] {
    var keys: [any CodingKey] = []
    var place: Self? = self
    while let current = place {
      if let key = current.key { keys.append(key) }
      place = current.parent
    }
    return keys.reversed()
  }
}
