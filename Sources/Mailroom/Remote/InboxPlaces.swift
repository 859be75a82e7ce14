internal import MailroomQueue

/// Where in memory a message finds its endpoint, if it is handled in place, or else the way there: addresses that are never read from here, only fetched.
///
/// An endpoint is several objects, each known by the one before. With many endpoints none of them is in the processor's caches, and
/// to find one after the other takes as long as several messages. The processor fetches all at once when it is told of them early.
///
/// An address may be that of something that is no more: fetching it does nothing then.
struct InboxPlaces {
  private(set) var inbox = MemoryPlace.none
  private var queue = MemoryPlace.none
  private var endpoint = EndpointPlaces()
  /// The route of an endpoint that runs elsewhere: its messages are posted.
  private var route = MemoryPlace.none

  /// Nowhere.
  init() {}

  /// Those behind a route.
  init(_ route: InboxRoute) {
    inbox = MemoryPlace(of: route.inbox)
    queue = route.inbox.queue.place
    if route.isHere { endpoint = route.inbox.endpoint.places } else { self.route = MemoryPlace(of: route) }
  }

  /// Has them fetched.
  @inline(__always)
  func fetch() {
    queue.fetch()
    if route == .none {
      // Without what every object begins with, for nobody counts the inbox.
      inbox.fetch(16...55)
      endpoint.cell.fetch(0...63)
      endpoint.object.fetch()
    } else {
      route.fetch(0...31)
      inbox.fetch(0...55)
    }
  }
}

/// As ``InboxPlaces``, of the endpoint alone.
struct EndpointPlaces {
  var cell = MemoryPlace.none
  /// The user's object.
  var object = MemoryPlace.none
}
