internal import MailroomTransport

/// The envelopes that the peer of one connection has given numbers, and the endpoints that they lead to: at the end that receives.
///
/// Loop-confined, pure. How the peer gives numbers: ``PrefixNumbers``.
///
/// ```
///   68: 0 is an envelope ─► 0: envelope, no route
///   0, content           ─► finds the endpoint by its name, once ─► 0: envelope, route
///   0, content           ─► the route, by the number alone
///   the endpoint stops   ─► the route counts for nothing, so the next message finds the endpoint again, or another of that name
///   68: 0 is another one ─► 0: the other envelope, no route
/// ```
///
/// Invariants:
/// 1. Each number stands for a well-formed envelope with no content behind it.
/// 2. Never more of them, nor more bytes in them, than ``limits``, which the peer knows: one that goes beyond breaks the
///    protocol, as one does that leaves numbers out or has them stand for anything else.
/// 3. No route leads to an endpoint that has stopped; those that would are let go before there are more of them than of others,
///    but for a few.
struct NumberedEnvelopes {
  /// What an environment keeps for each connection.
  static let limits = PrefixLimits(count: 4096, byteCount: 256 * 1024)

  /// Routes below which none is let go.
  private static let leastRoutes = 64

  private let limits: PrefixLimits
  private var envelopes: [[UInt8]] = []
  /// The routes that were found, by the same numbers.
  private var routes: [InboxRoute?] = []
  /// How many routes there are.
  private(set) var routeCount = 0
  /// How many there may be before the next look for those to endpoints that have stopped.
  private var mostRoutes = leastRoutes
  /// Bytes of all envelopes.
  private(set) var byteCount = 0

  /// None yet.
  init(within limits: PrefixLimits = limits) { self.limits = limits }

  /// How many numbers stand for something.
  var count: Int { envelopes.count }

  /// Has a number stand for an envelope, in place of what it stood for.
  ///
  /// - Throws: ``FrameError`` when the peer must not say so; nothing is changed then.
  mutating func define(_ number: Int, _ envelope: RawSpan) throws(FrameError) {
    // Where the two stand in the frame.
    let (numberOffset, envelopeOffset) = (1, 7)
    guard number < limits.count, number <= envelopes.count else {
      let expected = "a number up to \(min(envelopes.count, limits.count - 1))"
      throw FrameError(badPrefix: expected, offset: numberOffset)
    }
    let isNew = number == envelopes.count
    let after = byteCount - (isNew ? 0 : envelopes[number].count) + envelope.byteCount
    guard after <= limits.byteCount else {
      throw FrameError(badPrefix: "envelopes of \(limits.byteCount) bytes in all", offset: envelopeOffset)
    }
    guard let parsed = try? Envelope(parsing: envelope), parsed.content.byteCount == 0 else {
      throw FrameError(badPrefix: "an envelope and nothing behind it", offset: envelopeOffset)
    }
    byteCount = after
    if isNew {
      envelopes.append(envelope.array())
      routes.append(nil)
    } else {
      envelopes[number] = envelope.array()
      set(nil, for: number)
    }
  }

  /// The envelope that a number stands for; nil for a number that stands for none.
  func envelope(_ number: Int) -> [UInt8]? { number < envelopes.count ? envelopes[number] : nil }

  /// The route that was found for a number, if its endpoint has not stopped since.
  @inline(__always)
  func route(_ number: Int) -> InboxRoute? {
    guard number < routes.count, let route = routes[number], !route.inbox.isStopped else { return nil }
    return route
  }

  /// Notes the route that was found for a number that stands for an envelope; nil when there is none.
  mutating func note(_ route: InboxRoute?, for number: Int) {
    set(route, for: number)
    guard routeCount > mostRoutes else { return }
    for index in routes.indices where routes[index]?.inbox.isStopped == true { set(nil, for: index) }
    mostRoutes = max(Self.leastRoutes, 2 * routeCount)
  }

  private mutating func set(_ route: InboxRoute?, for number: Int) {
    routeCount += (route == nil ? 0 : 1) - (routes[number] == nil ? 0 : 1)
    routes[number] = route
  }
}
