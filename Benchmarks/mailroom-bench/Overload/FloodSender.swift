internal import ArgumentParser
internal import Foundation
internal import Mailroom

/// What a sender does when there is no room for its message.
enum WhenFull: String, ExpressibleByArgument, CaseIterable {
  /// Tries again, after a pause that grows while it is refused.
  case refuse
  /// Waits for room.
  case wait
}

/// Sends numbered messages as fast as they are taken.
struct FloodSender {
  /// What was sent.
  struct Result {
    /// Messages that were taken, numbered from zero.
    var accepted: UInt64 = 0
    /// Attempts that found no room.
    var refused: UInt64 = 0
  }

  /// The first pause of a sender that was refused, which doubles up to the last.
  ///
  /// So short that a sender misses nothing that matters, and so long that it does not keep a core busy with being refused.
  private static let pauses = (first: Duration.microseconds(10), last: Duration.milliseconds(1))

  let ref: RPCEndpointRef
  /// Bytes of a message, at least ``NumberedMessage/shortest``.
  let payload: Int
  let whenFull: WhenFull

  /// Sends until the clock says `end`.
  ///
  /// - Throws: what sending throws, unless there was no room.
  func run(until end: UInt64) async throws -> Result {
    var message = [UInt8](repeating: 0x61, count: payload)
    var result = Result()
    var pause = Self.pauses.first
    while case let now = Clock.now, now < end {
      NumberedMessage.write(result.accepted, to: &message)
      do throws(RPCError) {
        try ref.send(bytes: message)
        result.accepted += 1
        pause = Self.pauses.first
        continue
      } catch {
        guard error.code == .full else { throw error }
        result.refused += 1
      }
      switch whenFull {
      case .refuse:
        try await Task.sleep(for: pause)
        pause = min(pause * 2, Self.pauses.last)
      case .wait:
        do throws(RPCError) {
          try await ref.send(bytes: message, waitingAtMost: .nanoseconds(Int64(end - now)))
          result.accepted += 1
        } catch {
          // Otherwise time is up, and the message was not taken.
          guard error.code == .full else { throw error }
        }
      }
    }
    return result
  }
}
