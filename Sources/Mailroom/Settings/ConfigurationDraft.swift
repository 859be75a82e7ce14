internal import MailroomTransport

/// A configuration while its settings are read: what several keys decide together is not decided yet.
struct ConfigurationDraft: Sendable {
  /// The most threads that the reference takes from ``ioThreads``; the other keys are taken at their word.
  static let mostIOThreads = 8

  /// What single keys decide.
  var base = RPCConfiguration()
  /// The reference's threads for servers and for clients, where nothing says more.
  var ioThreads: Int?
  /// The reference's threads for servers.
  var serverThreads: Int?
  /// The reference's threads for clients.
  var clientThreads: Int?
  /// Mailroom's own number of event loops.
  var eventLoops: Int?
  /// Whether the kernel probes idle connections at all.
  var isProbing = true

  /// The configuration.
  ///
  /// One event loop serves both directions, so that the larger one of the reference's two numbers counts.
  var configuration: RPCConfiguration {
    var result = base
    let common = ioThreads.map { min($0, Self.mostIOThreads) }
    let reference = [serverThreads ?? common, clientThreads ?? common].compactMap { $0 }.max()
    if let loops = eventLoops ?? reference { result.eventLoops = loops }
    if !isProbing { result.transport.keepAliveSeconds = nil }
    return result
  }
}
