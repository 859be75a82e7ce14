internal import MailroomQueue
internal import MailroomTransport

/// An endpoint that messages of one connection were for lately, and how to get there.
final class InboxRoute {
  let name: [UInt8]
  let inbox: Inbox
  /// Whether the endpoint runs on the connection's event loop.
  let isHere: Bool
  /// Loop-confined: the envelope of the last message that came this way; a peer's messages to one endpoint have one.
  let envelope = Confined(KnownEnvelope())

  init(name: [UInt8], inbox: Inbox, isHere: Bool) {
    self.name = name
    self.inbox = inbox
    self.isHere = isHere
  }
}

/// The routes of one connection by the bytes of their endpoints' names, so that no string is made to find one.
///
/// Open addressing, at most three quarters full. Routes to stopped endpoints are not found, and are gone when the table is next made
/// anew; then it has room for twice those that are left. So it is as large as the endpoints that live, and not as those there were.
///
/// Loop-confined, pure.
struct RouteCache {
  private static let smallest = 64

  private var slots: [InboxRoute?] = Array(repeating: nil, count: smallest)
  /// Slots in use.
  private(set) var count = 0

  /// How many slots there are.
  var capacity: Int { slots.count }

  /// The route to the endpoint of this name, if it is known and not stopped.
  func find(_ name: RawSpan) -> InboxRoute? {
    guard let route = slots[slot(of: name)], !route.inbox.isStopped else { return nil }
    return route
  }

  /// Adds a route, in place of the one of that name if there is one.
  mutating func insert(_ route: InboxRoute) {
    if (count + 1) * 4 > slots.count * 3 { rebuild() }
    put(route)
  }

  private mutating func put(_ route: InboxRoute) {
    let name = route.name
    let index = slot(of: name.rawSpan)
    if slots[index] == nil { count += 1 }
    slots[index] = route
  }

  /// Where the name is, or would be.
  private func slot(of name: RawSpan) -> Int {
    let mask = slots.count - 1
    var index = Int(truncatingIfNeeded: name.quickHash) & mask
    // There always is an empty slot.
    while let route = slots[index], !name.equals(route.name) { index = (index + 1) & mask }
    return index
  }

  private mutating func rebuild() {
    let live = slots.compactMap { $0 }.filter { !$0.inbox.isStopped }
    var size = Self.smallest
    while size < live.count * 3 { size *= 2 }
    slots = Array(repeating: nil, count: size)
    count = 0
    for route in live { put(route) }
  }
}
