/// Decodes values from messages in the format that ``BinaryValue`` describes.
struct BinaryDecoder: Sendable {
  /// What types find in their decoder's `userInfo`.
  var userInfo: [CodingUserInfoKey: any Sendable] = [:]
  /// What references in the message are bound to; types find it in their decoder's `userInfo`, too.
  var source: MessageSource?

  /// The value in a message, whose bytes may be anything.
  func decode<T: Decodable>(_ type: T.Type, from bytes: [UInt8]) throws(RPCError) -> T {
    let run: BinaryDecodingRun
    do {
      run = BinaryDecodingRun(tree: try BinaryReader.read(bytes), userInfo: userInfo, source: source)
    } catch {
      throw RPCError(.undecodable, "cannot decode \(T.self): malformed message, \(error)", cause: error)
    }
    do {
      return try BinaryValueDecoder(run: run).decode(type)
    } catch {
      throw RPCError(.undecodable, run.trace.message(for: error, "cannot decode \(T.self)"), cause: error)
    }
  }
}

/// What all decoders and containers of one message share.
final class BinaryDecodingRun {
  /// The values of the message.
  let tree: BinaryTree
  private let given: [CodingUserInfoKey: any Sendable]
  private let source: MessageSource?
  /// Where the run failed.
  var trace = BinaryTrace()

  /// A run over the values of a message.
  init(tree: consuming BinaryTree, userInfo: [CodingUserInfoKey: any Sendable], source: MessageSource?) {
    self.tree = tree
    given = userInfo
    self.source = source
  }

  /// What types find in their decoder's `userInfo`, made on demand: hardly any type asks.
  private(set) lazy var userInfo: [CodingUserInfoKey: Any] = {
    var userInfo: [CodingUserInfoKey: Any] = given
    if let key = CodingUserInfoKey.messageSource, let source { userInfo[key] = source }
    return userInfo
  }()
}
