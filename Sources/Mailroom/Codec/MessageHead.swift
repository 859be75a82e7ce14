internal import MailroomQueue
internal import MailroomTransport

/// What the content of every message of one type begins with: the tag, and the wire name.
///
/// There is one for a type, if there are not too many types: see ``of(_:)``.
final class MessageHead: Sendable {
  /// The message type.
  let type: ObjectIdentifier
  /// The wire name.
  let name: [UInt8]
  /// The tag and the name, as they stand in the content.
  let bytes: [UInt8]

  private init(_ type: ObjectIdentifier, name: String) {
    self.type = type
    self.name = Array(name.utf8)
    var writer = ByteWriter()
    writer.append(Content.typed)
    writer.append(varint: UInt64(self.name.count))
    writer.append(self.name)
    bytes = writer.array()
  }

  private final class Table: Sendable {
    let slots: InlineArray<512, OnceReference<MessageHead>>

    init() { slots = InlineArray { _ in OnceReference() } }
  }

  private static let table = Table()

  /// The head of messages of a type, found without making a string for each message.
  ///
  /// A fixed table of slots that are filled once and never change, found by the type's address: reading takes no lock. A type that
  /// meets only taken slots has its head made anew each time.
  static func of<Message: RPCMessage>(_ type: Message.Type) -> MessageHead {
    let id = ObjectIdentifier(type)
    let start = id.slotHash >> 55
    for step in 0..<4 {
      let index = Int((start &+ UInt(step)) & 511)
      if let head = table.slots[index].object {
        if head.type == id { return head }
        continue
      }
      table.slots[index].set(MessageHead(id, name: Message.messageName))
      if let head = table.slots[index].object, head.type == id { return head }
    }
    return MessageHead(id, name: Message.messageName)
  }

  /// Reads the name out of bytes that are to be a head and nothing behind it; nil when they are not.
  @_lifetime(copy bytes)
  static func name(in bytes: RawSpan) -> RawSpan? {
    var reader = RPCReader(bytes, from: nil)
    guard let tag = try? reader.readByte(), tag == Content.typed, let count = try? reader.readCount(),
      count == reader.remaining
    else { return nil }
    return reader.readRest()
  }
}

extension ObjectIdentifier {
  /// A hash of a type's address whose highest bits tell slots of a table apart.
  @inline(__always)
  var slotHash: UInt { (UInt(bitPattern: self) >> 4) &* 0x9E37_79B9_7F4A_7C15 }
}
