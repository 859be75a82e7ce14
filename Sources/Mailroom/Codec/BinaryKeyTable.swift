/// The map keys of a message: each text has one number.
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
    if let number = number(of: text, in: bytes) { return used(number) }
    let block = BinaryBlock(start: bytes.count, count: text.utf8.count)
    bytes.append(contentsOf: text.utf8)
    return used(add(block, in: bytes))
  }

  /// The key whose text is at a block of `bytes`.
  mutating func key(at block: BinaryBlock, in bytes: [UInt8]) -> BinaryKey {
    used(find({ bytes.text(block) }, { bytes.isSame($0, block) }) ?? add(block, in: bytes))
  }

  /// The number of the key with a text, if there is one.
  func number(of text: String, in bytes: [UInt8]) -> Int? { find({ text }, { bytes.has(text, at: $0) }) }

  /// The number that stands for a key in the message, nil when the key has to be spelled out, which gives it one for the next time
  /// unless it is too long.
  mutating func spell(_ key: BinaryKey) -> Int? {
    if let spelled = entries[key.number].spelled { return spelled }
    guard key.block.count <= BinaryTag.internedKeyLimit else { return nil }
    entries[key.number].spelled = spelledCount
    spelledCount += 1
    return nil
  }

  @inline(__always)
  private func find(_ text: () -> String, _ isMatch: (BinaryBlock) -> Bool) -> Int? {
    if entries.isEmpty { return nil }
    let guess = entries[last].follower
    if isMatch(entries[guess].block) { return guess }
    if entries.count > Self.searchLimit { return numbers[BinaryText(text())] }
    return entries.firstIndex { isMatch($0.block) }
  }

  private mutating func used(_ number: Int) -> BinaryKey {
    entries[last].follower = number
    last = number
    return BinaryKey(block: entries[number].block, number: number)
  }

  private mutating func add(_ block: BinaryBlock, in bytes: [UInt8]) -> Int {
    let number = entries.count
    if number == 0 { entries.reserveCapacity(Self.searchLimit) }
    entries.append(Entry(block: block))
    guard number >= Self.searchLimit else { return number }
    // With the key that makes the table a large one all are entered.
    for other in (number == Self.searchLimit ? 0 : number)...number {
      numbers[BinaryText(bytes.text(entries[other].block))] = other
    }
    return number
  }
}
