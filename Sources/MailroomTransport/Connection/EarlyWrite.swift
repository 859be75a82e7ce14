internal import MailroomQueue

/// When requests leave before the end of the tick: a quarter of those that wait for answers at a time, where that helps.
///
/// Loop-confined, pure.
///
/// Who asks again with every answer makes as many requests in a tick as answers came with one read. When all of them leave together, at
/// the tick's end, so do all answers: the peer has nothing to do while the requests are made, and this side nothing while they are
/// answered. Two processors do the work of one then. In parts, the peer begins with the first part while the next one is made; the
/// answers come back in parts as well, and it stays so.
///
/// ```
///   all at once    this side  ████████░░░░░░░░████████░░░░░░░░
///                  the peer   ░░░░░░░░████████░░░░░░░░████████
///   in quarters    this side  ██▐██▐██▐██▐██▐██▐██▐██▐
///                  the peer   ░░██▐██▐██▐██▐██▐██▐██▐██▐
/// ```
///
/// Each part costs both sides a write, a read and often a wake-up. That pays where processors would be idle otherwise, and where they have
/// other work it does not. ``EarlyWriteTrial`` finds out.
struct EarlyWrite {
  /// Into how many parts what waits for answers is divided.
  ///
  /// Fewer leave a side waiting, more cost more writes. Of a hundred requests of 16 bytes, a part fills a packet of Ethernet.
  private static let parts = 4
  /// The fewest requests that are worth a write of their own.
  private static let least = 24
  /// Windows of which parts are worth a write.
  ///
  /// Larger ones come in parts by themselves, for a read brings no more.
  private static let windows = least * parts...4096
  /// After how many ticks that are not like this in a row all leave together again.
  private static let patience = 16

  private var trial: EarlyWriteTrial
  /// Requests that were made, and how many of them before the last write and before this tick.
  private var made = 0
  private var madeBeforeWrite = 0
  private var madeBeforeTick = 0
  /// How many ticks in a row were not worth it.
  private var misfits = 0

  /// - Parameter trial: what says whether requests are to leave early.
  init(_ trial: EarlyWriteTrial = EarlyWriteTrial()) { self.trial = trial }

  /// Notes that a request was made; says whether what has collected is to be written now.
  ///
  /// - Parameter pending: how many requests wait for answers, this one included.
  @inline(__always)
  mutating func didMake(pending: Int) -> Bool {
    made &+= 1
    let collected = made &- madeBeforeWrite
    return collected >= Self.least && trial.isOn && collected &* Self.parts >= pending
  }

  /// Notes that what has collected was written.
  mutating func didWrite() { madeBeforeWrite = made }

  /// Notes that a tick ends.
  ///
  /// - Parameters:
  ///   - time: when it began.
  ///   - pending: how many requests wait for answers.
  ///   - isAlone: whether no other connection of the loop has something to send in the same tick. With others, neither side is idle.
  mutating func didEndTick(at time: MonotonicTime, pending: Int, isAlone: Bool) {
    if isAlone && Self.windows.contains(pending) {
      misfits = 0
      trial.didMake(made &- madeBeforeTick, window: pending, by: time)
    } else if misfits < Self.patience {
      misfits += 1
    } else {
      trial.stop()
    }
    madeBeforeTick = made
  }
}
