extension BinaryValue {
  /// The value for an integer that fits 64 bits.
  @inline(__always)
  init(integer: some FixedWidthInteger) {
    self = integer < 0 ? .negative(Int64(truncatingIfNeeded: integer)) : .unsigned(UInt64(truncatingIfNeeded: integer))
  }

  /// This value as an integer of a type.
  @inline(__always)
  func integer<I: FixedWidthInteger>(as type: I.Type) throws(BinaryMismatch) -> I {
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

  /// This value as a truth value.
  func bool() throws(BinaryMismatch) -> Bool {
    guard case .bool(let value) = self else { throw mismatch }
    return value
  }

  /// This value as a number of double precision.
  func double() throws(BinaryMismatch) -> Double {
    switch self {
    case .double(let value): return value
    case .float(let value): return Double(value)
    default: throw mismatch
    }
  }

  /// This value as a number of single precision, if it is exactly one.
  func float() throws(BinaryMismatch) -> Float {
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

  /// Why this value is not of the type that was asked for, if it is not about its magnitude.
  var mismatch: BinaryMismatch {
    if case .null = self { .null } else { .kind(kind) }
  }
}
