extension BinaryValue {
  /// The value for an instance of a scalar type or a block of bytes, nil when `T` is neither.
  ///
  /// The types are compared before casting because casts are generous: an empty array of anything is a `[UInt8]` to
  /// them.
  @inline(__always)
  init?<T>(scalar value: T) {
    if T.self == Int.self, let value = value as? Int {
      self.init(integer: value)
    } else if T.self == String.self, let value = value as? String {
      self = .string(value)
    } else if T.self == Bool.self, let value = value as? Bool {
      self = .bool(value)
    } else if T.self == Double.self, let value = value as? Double {
      self = .double(value)
    } else if T.self == [UInt8].self, let value = value as? [UInt8] {
      self = .bytes(value)
    } else if T.self == Float.self, let value = value as? Float {
      self = .float(value)
    } else if T.self == Int64.self, let value = value as? Int64 {
      self.init(integer: value)
    } else if T.self == UInt64.self, let value = value as? UInt64 {
      self = .unsigned(value)
    } else if T.self == Int32.self, let value = value as? Int32 {
      self.init(integer: value)
    } else if T.self == UInt32.self, let value = value as? UInt32 {
      self.init(integer: value)
    } else if T.self == Int16.self, let value = value as? Int16 {
      self.init(integer: value)
    } else if T.self == UInt16.self, let value = value as? UInt16 {
      self.init(integer: value)
    } else if T.self == Int8.self, let value = value as? Int8 {
      self.init(integer: value)
    } else if T.self == UInt8.self, let value = value as? UInt8 {
      self.init(integer: value)
    } else if T.self == UInt.self, let value = value as? UInt {
      self.init(integer: value)
    } else {
      return nil
    }
  }

  /// The value for an integer that fits 64 bits.
  private init(integer: some FixedWidthInteger) {
    self = integer < 0 ? .negative(Int64(truncatingIfNeeded: integer)) : .unsigned(UInt64(truncatingIfNeeded: integer))
  }
}

extension BinaryValue {
  /// This value as an instance of a scalar type or a block of bytes, nil when `T` is neither.
  ///
  /// An array of integers is no block of bytes here: it is left to `[UInt8]`'s own decoding.
  @inline(__always)
  func scalar<T>(as type: T.Type) throws(BinaryMismatch) -> T? {
    if T.self == Int.self { return try integer(as: Int.self) as? T }
    if T.self == String.self { return try string() as? T }
    if T.self == Bool.self { return try bool() as? T }
    if T.self == Double.self { return try double() as? T }
    if T.self == [UInt8].self { return bytes() as? T }
    if T.self == Float.self { return try float() as? T }
    if T.self == Int64.self { return try integer(as: Int64.self) as? T }
    if T.self == UInt64.self { return try integer(as: UInt64.self) as? T }
    if T.self == Int32.self { return try integer(as: Int32.self) as? T }
    if T.self == UInt32.self { return try integer(as: UInt32.self) as? T }
    if T.self == Int16.self { return try integer(as: Int16.self) as? T }
    if T.self == UInt16.self { return try integer(as: UInt16.self) as? T }
    if T.self == Int8.self { return try integer(as: Int8.self) as? T }
    if T.self == UInt8.self { return try integer(as: UInt8.self) as? T }
    if T.self == UInt.self { return try integer(as: UInt.self) as? T }
    return nil
  }

  private func integer<I: FixedWidthInteger>(as type: I.Type) throws(BinaryMismatch) -> I {
    switch self {
    case .unsigned(let value):
      guard let exact = I(exactly: value) else { throw .number("\(value)") }
      return exact
    case .negative(let value):
      guard let exact = I(exactly: value) else { throw .number("\(value)") }
      return exact
    default:
      throw mismatch
    }
  }

  private func string() throws(BinaryMismatch) -> String {
    guard case .string(let value) = self else { throw mismatch }
    return value
  }

  private func bool() throws(BinaryMismatch) -> Bool {
    guard case .bool(let value) = self else { throw mismatch }
    return value
  }

  private func double() throws(BinaryMismatch) -> Double {
    switch self {
    case .double(let value): return value
    case .float(let value): return Double(value)
    default: throw mismatch
    }
  }

  private func float() throws(BinaryMismatch) -> Float {
    switch self {
    case .float(let value):
      return value
    case .double(let value):
      guard value.isNaN || Double(Float(value)) == value else { throw .number("\(value)") }
      return Float(value)
    default:
      throw mismatch
    }
  }

  private func bytes() -> [UInt8]? {
    guard case .bytes(let value) = self else { return nil }
    return value
  }

  /// Why this value is not of the type that was asked for, if it is not about its magnitude.
  var mismatch: BinaryMismatch {
    if case .null = self { .null } else { .kind(kind) }
  }
}
