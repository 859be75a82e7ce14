/// Where an endpoint's handlers for messages of one wire name stand in its table: found once, for many messages.
///
/// What an inbox's endpoint handles never changes, so this is true for as long as there is the inbox.
struct TypeHandlers: Equatable {
  /// There is no handler.
  @inline(__always)
  static var missing: Int { -1 }
  /// For a name that nobody handles.
  static let none = TypeHandlers(message: missing, request: missing)

  /// The one for one-way messages.
  let message: Int
  /// The one for requests.
  let request: Int
}
