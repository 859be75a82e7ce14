extension RPCError {
  private static let sourcePhrase = "This timeout is controlled by "

  /// The same error; when it is a timeout, its message ends with the setting that governs it.
  ///
  /// "… before the deadline. This timeout is controlled by spark.rpc.askTimeout". A message that names a setting already
  /// is kept, so that layers may each say what they know and the innermost is heard.
  ///
  /// - Parameter source: ``RPCConfiguration/askTimeoutSource`` or its like.
  func controlled(by source: String) -> RPCError {
    guard code == .timeout, !message.contains(Self.sourcePhrase) else { return self }
    var named = self
    named.message += (message.hasSuffix(".") ? " " : ". ") + Self.sourcePhrase + source
    return named
  }
}
