/// Encodes values as messages in the format that ``BinaryValue`` describes.
struct BinaryEncoder: Sendable {
  /// What types find in their encoder's `userInfo`.
  var userInfo: [CodingUserInfoKey: any Sendable] = [:]

  /// The message for a value.
  func encode<T: Encodable>(_ value: T) throws(RPCError) -> [UInt8] {
    if let scalar = BinaryValue(scalar: value) { return BinaryWriter.write(scalar) }
    let run = BinaryEncodingRun(userInfo: userInfo)
    do {
      try BinaryValueEncoder(run: run, place: run.tree.add(nil)).encode(value)
      try run.check()
    } catch {
      let message = run.trace.message(for: error, "cannot encode \(T.self)")
      throw RPCError(.unencodable, message, execution: .notExecuted, cause: error)
    }
    return BinaryWriter.write(run.tree)
  }
}

/// What all encoders and containers of one message share.
final class BinaryEncodingRun {
  /// What types find in their encoder's `userInfo`.
  let userInfo: [CodingUserInfoKey: Any]
  /// What has been encoded so far.
  var tree = BinaryTree(capacity: 16)
  private var failure: EncodingError?
  private var hasFailed = false
  /// Where the run failed.
  var trace = BinaryTrace()

  /// A run that has encoded nothing.
  init(userInfo: [CodingUserInfoKey: any Sendable]) {
    self.userInfo = userInfo
  }

  /// Makes the run fail from within an operation that cannot throw: the next one that can does.
  func fail(_ reason: String, at path: [any CodingKey]) {
    guard !hasFailed else { return }
    hasFailed = true
    failure = .invalidValue(reason, .init(codingPath: path, debugDescription: reason))
  }

  /// Throws when the run has failed.
  func check() throws {
    if hasFailed, let failure { throw failure }
  }
}
