/// One value of an encoded message, as it stands in a ``BinaryTree``.
///
/// A message is exactly one value. Each value starts with one tag byte; some tags carry a small number of their own.
///
/// | Tag         | Value                          | What follows the tag                                       |
/// |-------------|--------------------------------|------------------------------------------------------------|
/// | `00` … `7F` | integer 0 … 127 (the tag)      | nothing                                                    |
/// | `80` … `9F` | string of 0 … 31 bytes         | the bytes, UTF-8                                           |
/// | `A0` … `AF` | array of 0 … 15 elements       | the elements                                               |
/// | `B0` … `BF` | map of 0 … 15 entries          | the entries                                                |
/// | `C0` … `CF` | integer −1 … −16               | nothing; the value is −1 − (tag − `C0`)                    |
/// | `E0`        | nil                            | nothing                                                    |
/// | `E1`        | false                          | nothing                                                    |
/// | `E2`        | true                           | nothing                                                    |
/// | `E3`        | integer n ≥ 0                  | varint n                                                   |
/// | `E4`        | integer −1 − n                 | varint n, below 2⁶³                                        |
/// | `E5`        | `Float`                        | 4 bytes, the bit pattern, least significant first          |
/// | `E6`        | `Double`                       | 8 bytes, the bit pattern, least significant first          |
/// | `E7`        | string                         | varint length, the bytes, UTF-8                            |
/// | `E8`        | block of bytes, `[UInt8]`      | varint length, the bytes                                   |
/// | `E9`        | array                          | varint count, the elements                                 |
/// | `EA`        | map                            | varint count, the entries                                  |
/// | `EB`        | nil inside n present optionals | varint n, 1 … 64: `Int??.some(.none)` has n = 1            |
/// | others      | none: reserved, rejected       |                                                            |
///
/// A **varint** has seven bits per byte, least significant first, with the high bit set on each byte but the last. It
/// takes at most ten bytes and fits 64 bits.
///
/// A **map entry** is a key and then a value. A key starts with a varint h. When h is even, a literal of h ÷ 2 bytes
/// of UTF-8 follows; the message's literals of at most 64 bytes are numbered from 0 in the order in which they appear.
/// When h is odd, the key is the literal with the number (h − 1) ÷ 2. So an array of structures spells each field name
/// once. Longer literals have no number: otherwise two bytes could stand for any amount of text. Keys are compared by
/// their bytes, and no key appears twice in a map.
///
/// Writers choose the shortest form. Readers take a long form of a short value as well, and reject anything else the
/// table does not describe: unknown tags, invalid UTF-8, missing and surplus bytes. They also reject arrays and maps
/// nested deeper than ``BinaryTree/maximumDepth`` and text with more than ``BinaryTag/combiningLimit`` combining
/// characters in a row, since handling these could take the whole stack or an unreasonable time.
enum BinaryValue {
  /// No value, within `level` optionals that are themselves present.
  case null(level: Int)
  /// A Boolean value.
  case bool(Bool)
  /// An integer that is not negative.
  case unsigned(UInt64)
  /// An integer below zero.
  case negative(Int64)
  /// A single precision number.
  case float(Float)
  /// A double precision number.
  case double(Double)
  /// Text.
  case string(BinaryBlock)
  /// A block of bytes.
  case bytes(BinaryBlock)
  /// Values in order.
  case array(BinaryChildren)
  /// Values by key.
  case map(BinaryChildren)
}

extension BinaryValue {
  /// What kind of value this is, for error messages.
  var kind: String {
    switch self {
    case .null: "nil"
    case .bool: "a Boolean"
    case .unsigned, .negative: "an integer"
    case .float, .double: "a floating-point number"
    case .string: "a string"
    case .bytes: "a block of bytes"
    case .array: "an array"
    case .map: "a map"
    }
  }
}
