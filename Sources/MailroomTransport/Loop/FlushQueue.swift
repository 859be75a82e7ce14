/// Has bytes to send at the end of the tick.
///
/// Loop-confined.
protocol LoopFlushable: AnyObject {
  /// Writes what has accumulated.
  func flush()
}

/// Those that are to be flushed at the end of the tick, in order.
///
/// Loop-confined. Most ticks have one of them only, for which nothing but a reference is moved.
struct FlushQueue {
  private var waiting: [any LoopFlushable] = []
  /// Storage to use again.
  private var spare: [any LoopFlushable] = []

  /// How many there are.
  var count: Int { waiting.count }

  /// Adds one, which the caller sees to that it is not among them.
  mutating func append(_ flushable: any LoopFlushable) { waiting.append(flushable) }

  /// Takes the only one; nil when there is none, or more than one.
  mutating func takeOnly() -> (any LoopFlushable)? { waiting.count == 1 ? waiting.removeLast() : nil }

  /// Takes all of them, to be followed by ``giveBack(_:)``.
  mutating func takeAll() -> [any LoopFlushable] {
    var taken: [any LoopFlushable] = []
    swap(&taken, &waiting)
    swap(&waiting, &spare)
    return taken
  }

  /// Takes back the storage of those that were flushed, and taken out of it.
  mutating func giveBack(_ storage: consuming [any LoopFlushable]) { spare = storage }
}
