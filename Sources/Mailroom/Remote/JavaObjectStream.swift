/// The few Java object streams that a peer of the reference system needs to see: a lookup, and a boolean.
///
/// Not a serialisation library: each stream has one fixed beginning, written and recognised byte for byte, after which
/// only its value differs. The format is the Java Object Serialization Specification's, the classes are those of Spark
/// 3.5.3. Anything else, a class of another version and bytes behind the object included, is not recognised. All
/// functions are pure, linear in the bytes, and take bytes from strangers.
enum JavaObjectStream {
  /// The question whether an endpoint of that name exists, which the reference's endpoint "endpoint-verifier" answers
  /// with a boolean.
  ///
  /// - Throws: ``RPCError`` with code ``RPCError/Code/unencodable`` when the name takes more than 65535 bytes.
  static func checkExistence(name: String) throws(RPCError) -> [UInt8] {
    try checkExistencePrefix + stringObject(name)
  }

  /// The name that a ``checkExistence(name:)`` asks for; nil when `bytes` are anything else.
  static func parseCheckExistence(_ bytes: RawSpan) -> String? {
    string(in: bytes, after: checkExistencePrefix)
  }

  /// A `java.lang.Boolean`.
  static func boolean(_ value: Bool) -> [UInt8] {
    booleanPrefix + [value ? 1 : 0]
  }

  /// The value of a `java.lang.Boolean`; nil when `bytes` are anything else.
  static func parseBoolean(_ bytes: RawSpan) -> Bool? {
    guard bytes.byteCount == booleanPrefix.count + 1, starts(bytes, with: booleanPrefix) else { return nil }
    switch bytes.octets[booleanPrefix.count] {
    case 0: return false
    case 1: return true
    default: return nil
    }
  }

  /// Magic number and version, with which every stream begins.
  private static let header: [UInt8] = [0xAC, 0xED, 0x00, 0x05]

  /// The tags of the format that occur in the streams above, by their names there.
  private enum Tag {
    static let string: UInt8 = 0x74
    static let object: UInt8 = 0x73
    static let classDescription: UInt8 = 0x72
    static let endBlockData: UInt8 = 0x78
    static let null: UInt8 = 0x70
    static let objectField = UInt8(ascii: "L")
    static let booleanField = UInt8(ascii: "Z")
  }

  private static let checkExistencePrefix = objectPrefix(
    className: "org.apache.spark.rpc.netty.RpcEndpointVerifier$CheckExistence",
    serialVersion: [0x6C, 0x19, 0x1E, 0xAE, 0x8E, 0x40, 0xC0, 0x1F],
    field: [Tag.objectField] + counted("name") + [Tag.string] + counted("Ljava/lang/String;"))

  private static let booleanPrefix = objectPrefix(
    className: "java.lang.Boolean",
    serialVersion: [0xCD, 0x20, 0x72, 0x80, 0xD5, 0x9C, 0xFA, 0xEE],
    field: [Tag.booleanField] + counted("value"))

  /// All of a stream up to the value of its root object: a serialisable one with one field and no serialisable parent.
  private static func objectPrefix(className: String, serialVersion: [UInt8], field: [UInt8]) -> [UInt8] {
    let serializable: UInt8 = 0x02
    let fieldCount: [UInt8] = [0x00, 0x01]
    return header + [Tag.object, Tag.classDescription] + counted(className) + serialVersion
      + [serializable] + fieldCount + field + [Tag.endBlockData, Tag.null]
  }

  /// A text behind its 16-bit length, which it must fit.
  private static func counted(_ text: String) -> [UInt8] {
    counted(ModifiedUTF8.encode(text))
  }

  private static func counted(_ bytes: [UInt8]) -> [UInt8] {
    [UInt8(truncatingIfNeeded: bytes.count >> 8), UInt8(truncatingIfNeeded: bytes.count)] + bytes
  }

  private static func stringObject(_ text: String) throws(RPCError) -> [UInt8] {
    let bytes = ModifiedUTF8.encode(text)
    guard bytes.count <= UInt16.max else {
      throw RPCError(
        .unencodable, "A text of \(bytes.count) bytes does not fit a Java string of at most 65535.",
        execution: .notExecuted)
    }
    return [Tag.string] + counted(bytes)
  }

  /// The string object that is all of `bytes` behind `prefix`.
  private static func string(in bytes: RawSpan, after prefix: [UInt8]) -> String? {
    let octets = bytes.octets
    let tag = prefix.count
    guard octets.count >= tag + 3, starts(bytes, with: prefix), octets[tag] == Tag.string else { return nil }
    let count = Int(octets[tag + 1]) << 8 | Int(octets[tag + 2])
    guard octets.count == tag + 3 + count else { return nil }
    return ModifiedUTF8.decode(bytes.extracting(last: count))
  }

  private static func starts(_ bytes: RawSpan, with prefix: [UInt8]) -> Bool {
    let octets = bytes.octets
    guard octets.count >= prefix.count else { return false }
    return prefix.indices.allSatisfy { octets[$0] == prefix[$0] }
  }
}
