internal import MailroomTransport

/// Gives turns to inboxes on an event loop.
final class EventLoopScheduler: InboxScheduler {
  let loop: EventLoop

  private let name: String

  init(_ loop: EventLoop, name: String) {
    self.loop = loop
    self.name = name
  }

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
