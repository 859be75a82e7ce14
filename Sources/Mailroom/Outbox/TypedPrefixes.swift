internal import MailroomQueue
internal import MailroomTransport

/// The prefixes of typed messages to one endpoint, by their types: the envelope, and behind it the type's ``MessageHead``.
///
/// There is one for each type that was sent, for as long as there is the route: how many that are is up to the program, and to no peer.
///
/// The first few types, which are nearly always all, are found in a table of slots that are filled once and never change: without a
/// lock. Those that meet only taken slots are found with one.
///
/// - Thread safety: any thread.
final class TypedPrefixes: Sendable {
  private final class Entry: Sendable {
    let type: ObjectIdentifier
    let prefix: BodyPrefix

    init(type: ObjectIdentifier, prefix: BodyPrefix) {
      self.type = type
      self.prefix = prefix
    }
  }

  private let slots: InlineArray<16, OnceReference<Entry>>
  /// Guarded by its lock.
  private let others = Locked<[ObjectIdentifier: BodyPrefix]>([:])

  init() { slots = InlineArray { _ in OnceReference() } }

  /// The prefix of messages that begin with `head`, which goes on from `root`, the envelope; always the same one.
  func prefix(for head: MessageHead, behind root: BodyPrefix) -> BodyPrefix {
    let type = head.type
    let start = type.slotHash >> 60
    for step in 0..<4 {
      let index = Int((start &+ UInt(step)) & 15)
      if let entry = slots[index].object {
        if entry.type == type { return entry.prefix }
        continue
      }
      slots[index].set(Entry(type: type, prefix: BodyPrefix(root, and: head.bytes)))
      if let entry = slots[index].object, entry.type == type { return entry.prefix }
    }
    return others.withLock { others in
      if let prefix = others[type] { return prefix }
      let prefix = BodyPrefix(root, and: head.bytes)
      others[type] = prefix
      return prefix
    }
  }
}
