/// Where a coding run failed, for its error message.
///
/// Errors of the standard library carry their coding path. For all others this remembers the innermost place that
/// such an error passed.
struct BinaryTrace {
  private var path: [any CodingKey]?

  /// Takes note of an error that leaves the place with the given path; called from the inside out.
  mutating func leave(_ place: some BinaryCodingPlace, with error: any Error) {
    guard !(error is EncodingError), !(error is DecodingError), path == nil else { return }
    path = place.path
  }

  /// Forgets a failure that the program recovered from: coding went on.
  mutating func recover() {
    if path != nil { path = nil }
  }

  /// What to tell people about an error that ended a run.
  func message(for error: any Error, _ failure: String) -> String {
    switch error {
    case EncodingError.invalidValue(_, let context):
      "\(failure) at \(text(context.codingPath)): \(context.debugDescription)"
    case DecodingError.dataCorrupted(let context), DecodingError.typeMismatch(_, let context),
      DecodingError.valueNotFound(_, let context):
      "\(failure) at \(text(context.codingPath)): \(context.debugDescription)"
    case DecodingError.keyNotFound(let key, let context):
      "\(failure) at \(text(context.codingPath + [key])): \(context.debugDescription)"
    default:
      "\(failure) at \(text(path ?? [])): \(error)"
    }
  }

  private func text(_ path: [any CodingKey]) -> String {
    var text = ""
    for key in path {
      if let index = key.intValue {
        text += "[\(index)]"
      } else {
        text += text.isEmpty ? key.stringValue : ".\(key.stringValue)"
      }
    }
    return text.isEmpty ? "the top level" : "'\(text)'"
  }
}
