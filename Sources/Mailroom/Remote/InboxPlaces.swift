internal import MailroomQueue

/// Where in memory a message that is handled in place finds its endpoint: addresses that are never read from here, only fetched.
///
/// An endpoint is several objects, each known by the one before. With many endpoints none of them is in the processor's caches, and
/// to find one after the other takes as long as several messages. The processor fetches all at once when it is told of them early.
///
/// An address may be that of something that is no more: fetching it does nothing then.
struct InboxPlaces {
  private var inbox = MemoryPlace.none
  private var queue = MemoryPlace.none
  private var endpoint = EndpointPlaces()

  /// Nowhere.
  init() {}

  /// Those behind a route.
  init(_ route: InboxRoute) {
    inbox = MemoryPlace(of: route.inbox)
    queue = route.inbox.queue.place
    endpoint = route.inbox.endpoint.places
  }

  /// Has them fetched.
  func fetch() {
    // Without what every object begins with, for nobody counts the inbox.
    inbox.fetch(16...55)
    queue.fetch()
    endpoint.cell.fetch(0...63)
    endpoint.object.fetch()
  }
}

/// As ``InboxPlaces``, of the endpoint alone.
struct EndpointPlaces {
  var cell = MemoryPlace.none
  /// The user's object.
  var object = MemoryPlace.none
}
