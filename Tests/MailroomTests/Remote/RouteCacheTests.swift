import XCTest

@testable import Mailroom

final class RouteCacheTests: XCTestCase {
  private let scheduler = ManualScheduler()

  private func route(_ name: String) -> InboxRoute {
    let (inbox, _, _) = Inbox.logging(scheduler)
    return InboxRoute(name: Array(name.utf8), inbox: inbox, isHere: false)
  }

  private func find(_ name: String, in cache: RouteCache) -> InboxRoute? {
    let bytes = Array(name.utf8)
    return cache.find(bytes.rawSpan)
  }

  func testEveryRouteIsFoundByItsName() {
    var cache = RouteCache()
    let routes = (0..<1000).map { route("endpoint-\($0)") }
    for route in routes { cache.insert(route) }
    for (number, route) in routes.enumerated() { XCTAssertTrue(find("endpoint-\(number)", in: cache) === route) }
    XCTAssertNil(find("endpoint-1000", in: cache))
    XCTAssertNil(find("", in: cache))
    XCTAssertEqual(cache.count, 1000)
    XCTAssertLessThanOrEqual(cache.count * 4, cache.capacity * 3, "some slots are always empty")
  }

  func testRouteTakesThePlaceOfTheOneOfItsName() {
    var cache = RouteCache()
    let (first, second) = (route("a"), route("a"))
    cache.insert(first)
    cache.insert(second)
    XCTAssertTrue(find("a", in: cache) === second)
    XCTAssertEqual(cache.count, 1)
  }

  func testStoppedEndpointsAreNotFoundAndLeaveTheirPlaces() {
    var cache = RouteCache()
    let lasting = route("lasting")
    cache.insert(lasting)
    for number in 0..<10_000 {
      let short = route("short-\(number)")
      cache.insert(short)
      XCTAssertNotNil(find("short-\(number)", in: cache))
      short.inbox.stop()
      // An inbox that is owed its last turn is kept by its scheduler, and keeps it.
      scheduler.giveAllTurns()
      XCTAssertNil(find("short-\(number)", in: cache))
    }
    XCTAssertTrue(find("lasting", in: cache) === lasting)
    XCTAssertEqual(cache.capacity, 64, "the table is as large as what lives")
  }
}
