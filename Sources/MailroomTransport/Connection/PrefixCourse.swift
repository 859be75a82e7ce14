internal import MailroomQueue

/// In which order messages go to what has numbers on one connection.
///
/// Who sends to many endpoints in turn does so in one order time and again, and that is the one in which they got their numbers. Then
/// the processor is told of what sending to the ones after next will touch, and fetches it into its caches meanwhile. In any other
/// order nothing is fetched.
///
/// Loop-confined.
struct PrefixCourse {
  /// How many messages it is ahead: time enough to fetch what one touches.
  private static let distance: UInt32 = 8

  /// Where the marks are in memory, by their numbers, each among what else sending touches; they need not be there any more.
  private var places: [MemoryPlace] = []
  /// The number of the last message.
  private var last: UInt32 = 0

  /// Notes what a number was settled in.
  mutating func note(_ place: MemoryPlace, for number: UInt32) {
    while places.count <= Int(number) { places.append(.none) }
    places[Int(number)] = place
  }

  /// A message is sent to a number.
  @inline(__always)
  mutating func pass(_ number: UInt32) {
    if number == last { return }
    let next = Int(number &+ Self.distance)
    if number == last &+ 1 && next < places.count { places[next].fetchAround() }
    last = number
  }
}
