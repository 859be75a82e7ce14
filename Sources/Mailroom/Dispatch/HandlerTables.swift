internal import MailroomQueue

/// The handlers of each type of endpoint, so that all endpoints of a type share one table in memory.
///
/// - Thread safety: any thread.
final class HandlerTables: Sendable {
  /// Guarded by its lock: by the types, each an ``RPCHandlers`` of the type.
  private let tables = Locked<[ObjectIdentifier: any Sendable]>([:])

  init() {}

  /// The handlers of a type; those that the type names when it is first asked for.
  ///
  /// - Throws: ``RPCError`` with ``RPCError/Code/invalidArgument`` when two message types have one wire name.
  func table<Endpoint: RPCEndpoint>(of type: Endpoint.Type) throws(RPCError) -> RPCHandlers<Endpoint> {
    let key = ObjectIdentifier(type)
    if let table = tables.withLock({ $0[key] }) as? RPCHandlers<Endpoint> { return table }
    // Without the lock, because it is user code.
    var handlers = RPCHandlers<Endpoint>()
    Endpoint.handlers(&handlers)
    if let duplicate = handlers.duplicateNames.first {
      throw RPCError(
        .invalidArgument, "\(Endpoint.self) handles two message types called \(duplicate)", execution: .notExecuted)
    }
    let table = handlers
    tables.withLock { $0[key] = table }
    return table
  }
}
