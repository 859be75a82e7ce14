/// The map keys of a message that is being encoded: each text is kept once, and has a number.
struct BinaryKeyTable {
  /// Tables of more keys than this use ``numbers``; smaller ones are faster to search.
  private static let searchLimit = 8

  private struct Entry {
    let block: BinaryBlock
    /// The key that came after this one the last time: structures repeat their fields in order.
    var follower = 0
    /// What the message has in place of the key once it has been spelled out.
    var spelled: Int?
  }

  private var entries: [Entry] = []
  private var numbers: [BinaryText: Int] = [:]
  private var last = 0
  /// How many keys have been spelled out that have a number in the message.
  private var spelledCount = 0

  /// The key with a text, which is appended to `bytes` when it is a new one.
  mutating func key(_ text: String, in bytes: inout [UInt8]) -> BinaryKey {
    let number = find(text, in: bytes) ?? add(text, to: &bytes)
    entries[last].follower = number
    last = number
    return BinaryKey(block: entries[number].block, number: number)
  }

  /// The number that stands for a key in the message, nil when the key has to be spelled out, which gives it one for the next time
  /// unless it is too long.
  mutating func spell(_ key: BinaryKey) -> Int? {
    if let spelled = entries[key.number].spelled { return spelled }
    guard key.block.count <= BinaryTag.internedKeyLimit else { return nil }
    entries[key.number].spelled = spelledCount
    spelledCount += 1
    return nil
  }

  private func find(_ text: String, in bytes: [UInt8]) -> Int? {
    if entries.isEmpty { return nil }
    let guess = entries[last].follower
    if bytes.has(text, at: entries[guess].block) { return guess }
    if entries.count > Self.searchLimit { return numbers[BinaryText(text)] }
    return entries.firstIndex { bytes.has(text, at: $0.block) }
  }

  private mutating func add(_ text: String, to bytes: inout [UInt8]) -> Int {
    let start = bytes.count
    bytes.append(contentsOf: text.utf8)
    let number = entries.count
    if number == 0 { entries.reserveCapacity(Self.searchLimit) }
    entries.append(Entry(block: BinaryBlock(start: start, count: bytes.count - start)))
    if number == Self.searchLimit {
      for (number, entry) in entries.enumerated() { numbers[BinaryText(bytes.text(entry.block))] = number }
    } else if number > Self.searchLimit {
      numbers[BinaryText(text)] = number
    }
    return number
  }
}
