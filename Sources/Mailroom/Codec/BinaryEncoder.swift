internal import MailroomQueue
internal import MailroomTransport

/// Encodes values as messages in the format that ``BinaryValue`` describes.
struct BinaryEncoder: Sendable {
  /// What types find in their encoder's `userInfo`.
  var userInfo: [CodingUserInfoKey: any Sendable] = [:]

  /// Appends the message for a value to what is written; nothing, if it cannot be encoded.
  func encode<T: Encodable>(_ value: T, to writer: inout ByteWriter) throws(RPCError) {
    let run = BinaryEncodingRun(userInfo: userInfo)
    do {
      try BinaryValueEncoder(run: run, place: run.tree.value.add(nil)).encode(value)
      try run.check()
    } catch {
      let message = run.trace.message(for: error, "cannot encode \(T.self)")
      throw RPCError(.unencodable, message, execution: .notExecuted, cause: error)
    }
    run.tree.value.write(to: &writer)
  }
}

/// What all encoders and containers of one message share.
final class BinaryEncodingRun {
  private let given: [CodingUserInfoKey: any Sendable]
  /// Confined to the thread of the run: what has been encoded so far.
  let tree = Confined(BinaryTree())
  private var failure: EncodingError?
  private var hasFailed = false
  /// Where the run failed.
  var trace = BinaryTrace()

  /// A run that has encoded nothing.
  init(userInfo: [CodingUserInfoKey: any Sendable]) {
    given = userInfo
  }

  /// What types find in their encoder's `userInfo`, made on demand: hardly any type asks.
  var userInfo: [CodingUserInfoKey: Any] { given }

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
