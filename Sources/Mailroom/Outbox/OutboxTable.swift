/// The outboxes of an environment by address; those that nobody uses any more are dropped now and then.
///
/// So that an environment that is sent references to ever new addresses, or talks to ever new ones, does not remember them all.
///
/// An outbox is in use while anybody else holds it or one of its routes: a reference, a message that waits, an attempt to
/// connect, a connection, a task or timer of its loop. One whose peer is left alone for a while is kept, because it knows
/// until when.
///
/// Guarded by its owner's lock, which everybody holds who looks an outbox up. So one that only the table holds is not about to
/// be used, and whoever comes later makes a new one, behind nobody's messages.
struct OutboxTable {
  /// Outboxes below which none is dropped.
  private static let least = 256

  private var outboxes: [RPCAddress: Outbox] = [:]
  /// How many there may be before the next look for those that are unused.
  private var limit = least

  /// How many there are.
  var count: Int { outboxes.count }
  /// All of them.
  var all: [Outbox] { Array(outboxes.values) }
  /// The outbox for an address.
  subscript(address: RPCAddress) -> Outbox? { outboxes[address] }

  /// Adds an outbox; returns those that are dropped for it, to be let go of without the lock.
  ///
  /// - Complexity: O(1), amortised.
  mutating func insert(_ outbox: Outbox, at address: RPCAddress) -> [Outbox] {
    outboxes[address] = outbox
    guard outboxes.count > limit else { return [] }
    var dropped: [Outbox] = []
    for address in Array(outboxes.keys) {
      guard var outbox = outboxes.removeValue(forKey: address) else { continue }
      // Its own routes refer back to it.
      outbox.dropUnusedRoutes()
      if isKnownUniquelyReferenced(&outbox) && !outbox.isRefusing {
        dropped.append(outbox)
      } else {
        outboxes[address] = outbox
      }
    }
    limit = max(Self.least, 2 * outboxes.count)
    return dropped
  }

  /// Takes an outbox out, if it is the one for that address.
  mutating func remove(_ outbox: Outbox, at address: RPCAddress) {
    if outboxes[address] === outbox { outboxes[address] = nil }
  }
}
