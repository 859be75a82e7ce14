internal import Synchronization

/// The wire names of message types, as bytes, found without making a string for each message.
///
/// A fixed table of slots that are filled once and never change, found by the type's address: reading takes no lock. A type that
/// meets only taken slots has its name made anew each time.
enum MessageName {
  private final class Entry: Sendable {
    let type: ObjectIdentifier
    let bytes: [UInt8]

    init(type: ObjectIdentifier, bytes: [UInt8]) {
      self.type = type
      self.bytes = bytes
    }
  }

  private final class Table: Sendable {
    let slots: InlineArray<512, AtomicLazyReference<Entry>>

    init() { slots = InlineArray { _ in AtomicLazyReference() } }
  }

  private static let table = Table()

  /// The bytes of `type`'s name.
  static func bytes<Message: RPCMessage>(of type: Message.Type) -> [UInt8] {
    let id = ObjectIdentifier(type)
    let start = (UInt(bitPattern: id) >> 4) &* 0x9E37_79B9_7F4A_7C15 >> 55
    for step in 0..<4 {
      let index = Int((start &+ UInt(step)) & 511)
      if let entry = table.slots[index].load() {
        if entry.type == id { return entry.bytes }
      } else {
        let entry = table.slots[index].storeIfNil(Entry(type: id, bytes: Array(Message.messageName.utf8)))
        if entry.type == id { return entry.bytes }
      }
    }
    return Array(Message.messageName.utf8)
  }
}
