internal import MailroomTransport

/// Gives turns to inboxes on an event loop.
final class EventLoopScheduler: InboxScheduler {
  let loop: EventLoop

  private let name: String
  private let keepsHandlers: Bool

  /// - Parameter keepsHandlers: whether handlers that have suspended go on on the loop.
  init(_ loop: EventLoop, name: String, keepsHandlers: Bool = false) {
    self.loop = loop
    self.name = name
    self.keepsHandlers = keepsHandlers
  }

  var handlerExecutor: (any TaskExecutor)? { keepsHandlers ? loop : nil }

  var threads: Int { 1 }

  func nameOfThread(_ number: Int) -> String { name }

  func schedule(_ inbox: Inbox) {
    // A loop that has ended takes no more turns; its environment has been shut down.
    loop.schedule(inbox)
  }
}

extension Inbox: LoopTask {
  func runOnLoop() { takeTurn() }
}
