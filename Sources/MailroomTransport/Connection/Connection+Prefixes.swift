internal import MailroomQueue

// Numbers in place of what many bodies begin with, for a peer that keeps them.

extension Connection {
  /// What a body begins with in place of `prefix`, now and on this connection; the peer is told of a new number right away.
  ///
  /// To be asked before the frame of the body is begun.
  @inline(__always)
  func mark(of prefix: BodyPrefix) -> PrefixMark {
    prefix.settled.mark(in: prefixes.value.serial) ?? settle(prefix)
  }

  /// As ``mark(of:)``, by what its caller knows of the prefix.
  @inline(__always)
  func mark(of prefix: BodyPrefix, _ known: borrowing SettledMark) -> PrefixMark {
    guard let mark = known.mark(in: prefixes.value.serial) else { return settle(prefix, known) }
    prefixes.value.course.pass(mark.number)
    return mark
  }

  @inline(never)
  private func settle(_ prefix: BodyPrefix, _ known: borrowing SettledMark) -> PrefixMark {
    let mark = mark(of: prefix)
    // What the table knows nothing of is not settled: no more messages are sent.
    if isSettled(prefix) {
      known.note(mark, in: prefixes.value.serial)
      if !mark.isNone { prefixes.value.course.note(known.place, for: mark.number) }
    }
    return mark
  }

  /// Whether it is known what ``mark(of:)`` says.
  func isSettled(_ prefix: BodyPrefix) -> Bool { prefix.settled.mark(in: prefixes.value.serial) != nil }

  @inline(never)
  private func settle(_ prefix: BodyPrefix) -> PrefixMark {
    // What is not sent defines nothing.
    guard acceptsRequests else { return .none }
    let number = prefixes.value.settle(prefix)
    if number == nil, let root = prefix.root {
      prefix.settled.note(mark(of: root), in: prefixes.value.serial)
    } else if let number {
      let bytes = prefix.bytes
      append { (writer) in
        try? writer.append(frame: .numberPrefix(number: number, prefix: bytes.rawSpan), limit: .max)
      }
    }
    return prefix.settled.lastMark()
  }
}
