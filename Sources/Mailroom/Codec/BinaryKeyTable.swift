/// The numbers of the map keys that a message has spelled out so far.
struct BinaryKeyTable {
  /// Tables of more keys than this use ``numbers``; smaller ones are faster to search.
  private static let searchLimit = 8

  private var keys: [BinaryKey] = []
  private var numbers: [BinaryKey: Int] = [:]
  /// For each key the number of the one that came after it the last time: structures repeat their fields in order.
  private var followers: [Int] = []
  private var last = 0

  /// The number that stands for a key, nil when the key has to be spelled out, which gives it one for the next time
  /// unless it is too long.
  mutating func number(of key: BinaryKey) -> Int? {
    guard key.text.utf8.count <= BinaryTag.internedKeyLimit else { return nil }
    let known = find(key)
    let number = known ?? keys.count
    if known == nil { add(key) }
    followers[last] = number
    last = number
    return known
  }

  private func find(_ key: BinaryKey) -> Int? {
    if keys.isEmpty { return nil }
    let guess = followers[last]
    if keys[guess] == key { return guess }
    return keys.count > Self.searchLimit ? numbers[key] : keys.firstIndex(of: key)
  }

  private mutating func add(_ key: BinaryKey) {
    keys.append(key)
    followers.append(0)
    guard keys.count > Self.searchLimit else { return }
    if numbers.isEmpty {
      for (number, key) in keys.enumerated() { numbers[key] = number }
    } else {
      numbers[key] = keys.count - 1
    }
  }
}
