internal import MailroomQueue
internal import MailroomTransport

/// The envelopes that the peer of one connection has given numbers, alone or with a head, and the endpoints that they lead to: at the
/// end that receives.
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
/// Behind an envelope may stand the ``MessageHead`` of a type: with the route its handlers are found, too, so that a message costs no
/// look at a name.
///
/// Invariants:
/// 1. Each number stands for a well-formed envelope with no content behind it, or a well-formed head and nothing more.
/// 2. Never more of them, nor more bytes in them, than ``limits``, which the peer knows: one that goes beyond breaks the
///    protocol, as one does that leaves numbers out or has them stand for anything else.
/// 3. No route leads to an endpoint that has stopped; those that would are let go before there are more of them than of others,
///    but for a few.
struct NumberedEnvelopes: ~Copyable {
  /// Routes below which none is let go.
  private static let leastRoutes = 64

  /// What is kept at the most: what the peer was told.
  var limits: PrefixLimits
  private var entries = LentArray<NumberedEnvelope>()
  /// Messages of this batch of reading that were for another endpoint than the message before.
  private var changes = 0
  /// The number that was asked for last.
  private var lastNumber = -1
  /// The inbox that it led to: several numbers can.
  private var lastInbox = MemoryPlace.none
  /// Whether many messages of the last batch were: then the endpoints of the next one are worth fetching ahead.
  private(set) var isScattered = false
  /// How many routes there are.
  private(set) var routeCount = 0
  /// How many there may be before the next look for those to endpoints that have stopped.
  private var mostRoutes = leastRoutes
  /// Bytes of all envelopes, with the heads.
  private(set) var byteCount = 0

  /// None yet.
  init(within limits: PrefixLimits = EnvelopeAllowance.small) { self.limits = limits }

  /// How many numbers stand for something.
  var count: Int { entries.count }

  /// Has a number stand for an envelope, or one with a head, in place of what it stood for.
  ///
  /// - Throws: ``FrameError`` when the peer must not say so; nothing is changed then.
  mutating func define(_ number: Int, _ envelope: RawSpan) throws(FrameError) {
    // Where the two stand in the frame.
    let (numberOffset, envelopeOffset) = (1, 7)
    guard number < limits.count, number <= entries.count else {
      let expected = "a number up to \(min(entries.count, limits.count - 1))"
      throw FrameError(badPrefix: expected, offset: numberOffset)
    }
    let isNew = number == entries.count
    let after = byteCount - (isNew ? 0 : entries[number].bytes.count) + envelope.byteCount
    guard after <= limits.byteCount else {
      throw FrameError(badPrefix: "envelopes of \(limits.byteCount) bytes in all", offset: envelopeOffset)
    }
    guard let parsed = try? Envelope(parsing: envelope) else {
      throw FrameError(badPrefix: "an envelope", offset: envelopeOffset)
    }
    let headCount = parsed.content.byteCount
    guard
      headCount == 0
        || limits.withBranches && headCount <= BodyPrefix.longestBranch
          && MessageHead.name(in: parsed.content) != nil
    else {
      throw FrameError(
        badPrefix: "nothing behind the envelope, or the name of a type of at most \(BodyPrefix.longestBranch) bytes",
        offset: envelopeOffset + envelope.byteCount - headCount)
    }
    byteCount = after
    if !isNew { set(nil, for: number) }
    let entry = NumberedEnvelope(bytes: envelope.array(), headCount: headCount)
    if isNew { entries.append(entry) } else { entries[number] = entry }
  }

  /// The envelope that a number stands for, with the head if there is one; nil for a number that stands for none.
  func envelope(_ number: Int) -> [UInt8]? { number < entries.count ? entries[number].bytes : nil }

  /// Whether a number stands for an envelope and a head.
  @inline(__always)
  func isTyped(_ number: Int) -> Bool { number < entries.count && entries[number].headCount > 0 }

  /// The handlers that messages behind a typed number are for, if its route was found.
  @inline(__always)
  func handlers(_ number: Int) -> TypeHandlers { number < entries.count ? entries[number].handlers : .none }

  /// A whole content: the head that a number stands for, and what followed the number.
  func content(_ number: Int, _ value: RawSpan) -> [UInt8] {
    guard number < entries.count else { return [] }
    let (bytes, headCount) = (entries[number].bytes, entries[number].headCount)
    var writer = ByteWriter(capacity: headCount + value.byteCount)
    writer.append(bytes.rawSpan.dropping(bytes.count - headCount))
    writer.append(value)
    return writer.array()
  }

  /// The route that was found for a number, if its endpoint has not stopped since.
  @inline(__always)
  mutating func route(_ number: Int) -> InboxRoute? {
    pass(number)
    guard number < entries.count, let route = entries[number].route, !route.inbox.isStopped else { return nil }
    return route
  }

  /// What a number below ``count`` stands for.
  subscript(number: Int) -> NumberedEnvelope {
    @inline(__always) _read { yield entries[number] }
  }

  /// Notes the route that was found for a number that stands for an envelope; nil when there is none.
  mutating func note(_ route: InboxRoute?, for number: Int) {
    set(route, for: number)
    if let route, let head = head(number), let name = MessageHead.name(in: head.rawSpan) {
      entries[number].handlers = route.inbox.endpoint.handlers(named: name)
    }
    guard routeCount > mostRoutes else { return }
    for index in 0..<entries.count where entries[index].route?.inbox.isStopped == true { set(nil, for: index) }
    mostRoutes = max(Self.leastRoutes, 2 * routeCount)
  }

  private func head(_ number: Int) -> [UInt8]? {
    let (bytes, headCount) = (entries[number].bytes, entries[number].headCount)
    return headCount == 0 ? nil : Array(bytes.suffix(headCount))
  }

  private mutating func set(_ route: InboxRoute?, for number: Int) {
    routeCount += (route == nil ? 0 : 1) - (entries[number].route == nil ? 0 : 1)
    entries[number].route = route
  }

  // MARK: Fetching ahead

  /// Changes in a batch from which on endpoints are fetched ahead.
  private static let manyChanges = 8

  /// Notes that a message was for what a number stands for.
  @inline(__always)
  mutating func pass(_ number: Int) {
    if number == lastNumber { return }
    lastNumber = number
    let inbox = number < entries.count ? entries[number].inboxPlace : .none
    if inbox == lastInbox { return }
    changes += 1
    lastInbox = inbox
  }

  /// Has the processor bring what a message to the endpoint of a number will touch into its caches, while others are handled.
  @inline(__always)
  func fetch(_ number: Int) {
    if number < entries.count { entries[number].fetch() }
  }

  /// A batch of reading has been handled.
  mutating func didReadBatch() {
    isScattered = changes >= Self.manyChanges
    changes = 0
  }
}
