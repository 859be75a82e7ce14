/// Why a value of a message is not one of the type that was asked for.
enum BinaryMismatch: Error {
  /// The value is nil.
  case null
  /// The value is of another kind, which is named.
  case kind(String)
  /// The value is a number that the type cannot hold.
  case number(String)
}

extension BinaryMismatch {
  /// The error for the program that asked for a `type` at `path`.
  func decodingError(_ type: any Any.Type, at path: [any CodingKey]) -> DecodingError {
    switch self {
    case .null:
      .valueNotFound(type, .init(codingPath: path, debugDescription: "expected \(type), found nil"))
    case .kind(let kind):
      .typeMismatch(type, .init(codingPath: path, debugDescription: "expected \(type), found \(kind)"))
    case .number(let number):
      .dataCorrupted(.init(codingPath: path, debugDescription: "\(number) does not fit in \(type)"))
    }
  }
}
