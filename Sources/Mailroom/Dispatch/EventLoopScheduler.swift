internal import MailroomTransport

/// Gives turns to inboxes on an event loop.
final class EventLoopScheduler: InboxScheduler {
  let loop: EventLoop

  init(_ loop: EventLoop) { self.loop = loop }

  var threads: Int { 1 }

  func schedule(_ inbox: Inbox) {
    // A loop that has ended takes no more turns; its environment has been shut down.
    loop.schedule(inbox)
  }
}

extension Inbox: LoopTask {
  func runOnLoop() { takeTurn() }
}
