/// The tag bytes of the format that ``BinaryValue`` describes.
enum BinaryTag {
  /// The greatest integer that is its own tag.
  static let lastSmallInteger: UInt8 = 0x7F
  /// The tag of the empty string; the 31 after it are for strings of that many bytes.
  static let shortString: UInt8 = 0x80
  /// The tag of the empty array; the 15 after it are for arrays of that many elements.
  static let shortArray: UInt8 = 0xA0
  /// The tag of the empty map; the 15 after it are for maps of that many entries.
  static let shortMap: UInt8 = 0xB0
  /// The tag of −1; the 15 after it are for −2 … −16.
  static let smallNegative: UInt8 = 0xC0
  /// Nil.
  static let null: UInt8 = 0xE0
  /// False.
  static let no: UInt8 = 0xE1
  /// True.
  static let yes: UInt8 = 0xE2
  /// An integer that is not negative.
  static let unsigned: UInt8 = 0xE3
  /// An integer below zero.
  static let negative: UInt8 = 0xE4
  /// A single precision number.
  static let float: UInt8 = 0xE5
  /// A double precision number.
  static let double: UInt8 = 0xE6
  /// A string with its length.
  static let string: UInt8 = 0xE7
  /// A block of bytes with its length.
  static let bytes: UInt8 = 0xE8
  /// An array with its count.
  static let array: UInt8 = 0xE9
  /// A map with its count.
  static let map: UInt8 = 0xEA
  /// Nil inside present optionals.
  static let nestedNull: UInt8 = 0xEB

  /// The most bytes a string with a short tag has.
  static let shortStringLimit = 31
  /// The most elements or entries a container with a short tag has.
  static let shortCountLimit = 15
  /// The most bytes a key that gets a number has.
  static let internedKeyLimit = 64
  /// The most combining characters in a row that a text has.
  static let combiningLimit = 256
  /// The most optionals a nil can be inside of.
  static let nullLevelLimit = 64
}
