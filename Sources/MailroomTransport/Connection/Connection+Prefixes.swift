internal import MailroomQueue

// Numbers in place of what many bodies begin with, for a peer that keeps them.

extension Connection {
  /// What a body begins with in place of `prefix`, now and on this connection; the peer is told of a new number right away.
  ///
  /// To be asked before the frame of the body is begun.
  @inline(__always)
  func mark(of prefix: BodyPrefix) -> PrefixMark {
    let settlement = prefix.settlement.value
    return settlement.table == prefixes.value.serial ? settlement.mark : settle(prefix)
  }

  /// Whether it is known what ``mark(of:)`` says.
  func isSettled(_ prefix: BodyPrefix) -> Bool { prefix.settlement.value.table == prefixes.value.serial }

  @inline(never)
  private func settle(_ prefix: BodyPrefix) -> PrefixMark {
    // What is not sent defines nothing.
    guard acceptsRequests else { return .none }
    let number = prefixes.value.settle(prefix)
    if number == nil, let root = prefix.root {
      prefix.settlement.value.mark = mark(of: root)
    } else if let number {
      let bytes = prefix.bytes
      append { (writer) in
        try? writer.append(frame: .numberPrefix(number: number, prefix: bytes.rawSpan), limit: .max)
      }
    }
    return prefix.settlement.value.mark
  }
}
