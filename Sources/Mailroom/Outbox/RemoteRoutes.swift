/// The routes of an outbox by name; those that nobody has a reference or a message for are dropped now and then.
///
/// So that an environment whose peers send it references to ever new names does not remember them all.
struct RemoteRoutes {
  /// Routes below which none is dropped.
  private static let least = 256

  private var routes: [String: RemoteRoute] = [:]
  /// How many there may be before the next look for those that are unused.
  private var limit = least

  /// How many there are.
  var count: Int { routes.count }
  /// All of them.
  var all: [RemoteRoute] { Array(routes.values) }
  /// The route to an endpoint.
  subscript(name: String) -> RemoteRoute? { routes[name] }

  /// Adds a route.
  ///
  /// - Complexity: O(1), amortised.
  mutating func insert(_ route: RemoteRoute) {
    routes[route.name] = route
    guard routes.count > limit else { return }
    dropUnused()
    limit = max(Self.least, 2 * routes.count)
  }

  /// Drops the routes that nobody else holds.
  mutating func dropUnused() {
    for name in Array(routes.keys) {
      guard var route = routes.removeValue(forKey: name) else { continue }
      if !isKnownUniquelyReferenced(&route) { routes[name] = route }
    }
  }
}
