extension BinaryTree {
  /// The value for an instance of a scalar type or a block of bytes, nil when `T` is neither.
  ///
  /// The types are compared before casting because casts are generous: an empty array of anything is a `[UInt8]` to
  /// them.
  @inline(__always)
  mutating func value<T>(scalar: T) -> BinaryValue? {
    if T.self == Int.self, let scalar = scalar as? Int { return BinaryValue(integer: scalar) }
    if T.self == String.self, let scalar = scalar as? String { return .string(keep(scalar)) }
    if T.self == Bool.self, let scalar = scalar as? Bool { return .bool(scalar) }
    if T.self == Double.self, let scalar = scalar as? Double { return .double(scalar) }
    if T.self == [UInt8].self, let scalar = scalar as? [UInt8] { return .bytes(keep(scalar)) }
    if T.self == Float.self, let scalar = scalar as? Float { return .float(scalar) }
    if T.self == Int64.self, let scalar = scalar as? Int64 { return BinaryValue(integer: scalar) }
    if T.self == UInt64.self, let scalar = scalar as? UInt64 { return BinaryValue(integer: scalar) }
    if T.self == Int32.self, let scalar = scalar as? Int32 { return BinaryValue(integer: scalar) }
    if T.self == UInt32.self, let scalar = scalar as? UInt32 { return BinaryValue(integer: scalar) }
    if T.self == Int16.self, let scalar = scalar as? Int16 { return BinaryValue(integer: scalar) }
    if T.self == UInt16.self, let scalar = scalar as? UInt16 { return BinaryValue(integer: scalar) }
    if T.self == Int8.self, let scalar = scalar as? Int8 { return BinaryValue(integer: scalar) }
    if T.self == UInt8.self, let scalar = scalar as? UInt8 { return BinaryValue(integer: scalar) }
    if T.self == UInt.self, let scalar = scalar as? UInt { return BinaryValue(integer: scalar) }
    return nil
  }

  /// A value as an instance of a scalar type or a block of bytes, nil when `T` is neither.
  ///
  /// An array of integers is no block of bytes here: it is left to `[UInt8]`'s own decoding.
  @inline(__always)
  func scalar<T>(_ value: BinaryValue, as type: T.Type) throws(BinaryMismatch) -> T? {
    if T.self == Int.self { return try value.integer(as: Int.self) as? T }
    if T.self == String.self { return try text(value) as? T }
    if T.self == Bool.self { return try value.bool() as? T }
    if T.self == Double.self { return try value.double() as? T }
    if T.self == [UInt8].self { return block(value) as? T }
    if T.self == Float.self { return try value.float() as? T }
    if T.self == Int64.self { return try value.integer(as: Int64.self) as? T }
    if T.self == UInt64.self { return try value.integer(as: UInt64.self) as? T }
    if T.self == Int32.self { return try value.integer(as: Int32.self) as? T }
    if T.self == UInt32.self { return try value.integer(as: UInt32.self) as? T }
    if T.self == Int16.self { return try value.integer(as: Int16.self) as? T }
    if T.self == UInt16.self { return try value.integer(as: UInt16.self) as? T }
    if T.self == Int8.self { return try value.integer(as: Int8.self) as? T }
    if T.self == UInt8.self { return try value.integer(as: UInt8.self) as? T }
    if T.self == UInt.self { return try value.integer(as: UInt.self) as? T }
    return nil
  }

  /// A value as a text.
  func text(_ value: BinaryValue) throws(BinaryMismatch) -> String {
    guard case .string(let block) = value else { throw value.mismatch }
    return bytes.text(block)
  }

  private func block(_ value: BinaryValue) -> [UInt8]? {
    guard case .bytes(let block) = value else { return nil }
    return Array(bytes[block.range])
  }
}
