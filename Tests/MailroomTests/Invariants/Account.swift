import Mailroom
import TestSupport

/// What one sender sent and asked, in his order, and how it ended.
final class Account: Sendable {
  /// One message.
  struct Entry: Sendable {
    /// What it is.
    enum Kind: Sendable {
      case oneWay
      /// With the time that it has.
      case ask(Duration)
    }

    let kind: Kind
    let style: Consignment.Style
    /// Whether its asker may give it up, or gives it next to no time.
    let isHasty: Bool
    let began: ContinuousClock.Instant
    var ends: [End] = []
  }

  /// How a message ended, for its sender: a one-way message with being taken or not, an ask with its answer.
  struct End: Sendable {
    let at: ContinuousClock.Instant
    let reply: Int64?
    let error: RPCError?
  }

  /// What tells the sender.
  let id: Int64
  /// Who that is, for people.
  let name: String
  /// Whether he sends within one environment, where nothing is lost or late.
  let isLocal: Bool
  private let entries = Box<[Entry]>([])
  private let ended = Signal("the end of an ask")

  init(id: Int64, name: String, isLocal: Bool) {
    self.id = id
    self.isLocal = isLocal
    self.name = name
  }

  var all: [Entry] { entries.value }

  // MARK: Writing down

  /// A message is about to be sent; returns its number.
  func begin(_ kind: Entry.Kind, _ style: Consignment.Style = .plain, isHasty: Bool = false) -> Int {
    var number = 0
    entries.update { entries in
      number = entries.count
      entries.append(Entry(kind: kind, style: style, isHasty: isHasty, began: .now))
    }
    return number
  }

  func end(_ number: Int, reply: Int64? = nil, _ error: RPCError? = nil) {
    let end = End(at: .now, reply: reply, error: error)
    var isFirst = false
    entries.update { entries in
      isFirst = entries[number].ends.isEmpty
      entries[number].ends.append(end)
    }
    if isFirst { ended.fire() }
  }

  /// Sends a one-way message with a number.
  @discardableResult
  func send(_ body: (Int) throws(RPCError) -> Void) -> RPCError? {
    let number = begin(.oneWay)
    do throws(RPCError) {
      try body(number)
      end(number)
      return nil
    } catch {
      end(number, error)
      return error
    }
  }

  /// Sends a one-way message with a number, and waits for room.
  nonisolated(nonsending) func send(
    waiting body: nonisolated(nonsending) (Int) async throws(RPCError) -> Void
  ) async -> RPCError? {
    let number = begin(.oneWay)
    do throws(RPCError) {
      try await body(number)
      end(number)
      return nil
    } catch {
      end(number, error)
      return error
    }
  }

  /// Waits until everything that has begun has ended; says whether it has.
  func settle(seconds: Int) async -> Bool { await ended.comes(entries.value.count, seconds: seconds) }

  // MARK: Judging

  /// The numbers of one-way messages that were taken.
  var accepted: Set<Int> {
    let entries = entries.value
    return Set(
      entries.indices.filter { index in
        guard case .oneWay = entries[index].kind else { return false }
        return entries[index].ends.first.map { $0.error == nil } ?? false
      })
  }

  /// What was broken.
  ///
  /// - Parameters:
  ///   - delivered: how often each number was delivered.
  ///   - allowed: with which errors messages may end that are not hasty.
  ///   - slack: how long after its time an ask may end.
  func violations(delivered: [Int64: Int], allowed: Set<RPCError.Code>, slack: Duration) -> [String] {
    var violations: [String] = []
    for (number, entry) in entries.value.enumerated() {
      let count = delivered[Int64(number), default: 0]
      let what = "\(name)'s \(number) (\(entry.kind), \(entry.style))"
      if count > 1 { violations.append("\(what) was delivered \(count) times") }
      guard let end = entry.ends.first, entry.ends.count == 1 else {
        violations.append("\(what) ended \(entry.ends.count) times")
        continue
      }
      if case .ask(let limit) = entry.kind {
        if end.at - entry.began > limit + slack {
          violations.append("\(what) took \(end.at - entry.began): \(String(describing: end.error))")
        }
        if end.error == nil {
          if end.reply != Int64(number) { violations.append("\(what) was answered with \(end.reply ?? -1)") }
          if count != 1 { violations.append("\(what) was answered, but not handled") }
        }
      }
      guard let error = end.error else { continue }
      if error.execution == .notExecuted && count > 0 {
        violations.append("\(what) was handled, although it failed as not executed: \(error)")
      }
      let isExpected =
        allowed.contains(error.code) || entry.isHasty && [.timeout, .cancelled].contains(error.code)
        || entry.style == .failing && error.code == .handlerFailed
        || entry.style == .silent && error.code == .noReply
      if !isExpected { violations.append("\(what) failed: \(error)") }
    }
    if violations.count > 5 { return violations.prefix(5) + ["… and \(violations.count - 5) more of \(name)"] }
    return violations
  }

  /// Numbers that were delivered and never begun.
  func strangers(_ delivered: [Int64: Int]) -> [Int64] {
    let count = Int64(entries.value.count)
    return delivered.keys.filter { $0 < 0 || $0 >= count }
  }
}
