/// Bytes that are no frame: the connection they came on cannot be read any further.
public enum FrameError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The length field is below 9, which leaves no room for the type byte; here is its value.
  case tooShort(Int64)
  /// The length field is above the limit.
  case tooLarge(length: Int64, limit: Int)
  /// No message has this type number.
  case unknownType(UInt8)
  /// The message's header is not as its type asks for.
  case malformed(ByteReader.Malformed)
  /// The message is legal, but not one that this side serves.
  case unsupported(UInt8)

  /// That the definition of a prefix number is not what is allowed at that offset of the frame.
  package init(badPrefix expected: String, offset: Int) {
    self = .malformed(ByteReader.Malformed(expected: expected, offset: offset))
  }

  /// What is wrong, for people.
  public var description: String {
    switch self {
    case .tooShort(let length): "frame length \(length) is below the minimum of \(FrameFormat.minimumLength)"
    case .tooLarge(let length, let limit): "frame length \(length) is above the limit of \(limit)"
    case .unknownType(let type): "unknown message type \(type)"
    case .malformed(let error): "malformed message: \(error)"
    case .unsupported(let type): "message type \(type) is not supported"
    }
  }
}
