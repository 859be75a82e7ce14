package import MailroomQueue
internal import Synchronization

extension TransportClient {
  /// Whether there is room for requests and one-way messages: exact on the connection's event loop, a hint elsewhere.
  package var isWritable: Bool { writable.load(ordering: .relaxed) }

  /// Whether little waits for the socket, so that what is sent now keeps nobody behind it waiting for long.
  ///
  /// Only on the connection's event loop. The observer is told when it becomes so.
  package var takesBulk: Bool { connection?.bulkGate.isWritable ?? false }

  /// Has `onRoom` called once other threads can post again: at once if they can, or on the event loop, or when the connection ended.
  ///
  /// - Returns: a name for ``forget(_:)``; nil when `onRoom` was called at once.
  @discardableResult
  package func waitForRoom(_ onRoom: @escaping @Sendable () -> Void) -> FlowGauge.WaiterID? { gauge.wait(onRoom) }

  /// Gives up waiting for room; `onRoom` may have been called already.
  package func forget(_ waiter: FlowGauge.WaiterID) { gauge.forget(waiter) }

  /// Has `observer` told of the connection, in place of another one; it is released when the connection ends.
  ///
  /// Only on the connection's event loop. When the connection has ended already, the observer is told so at once.
  package func observe(_ observer: any TransportClientObserver) {
    if connection == nil { return observer.clientDidClose(self) }
    self.observer.value = observer
  }

  /// Stops serving the peer's requests and one-way messages, until ``resumeReading()`` was called as often.
  ///
  /// Only on the connection's event loop. What was read already waits too. Answers and words about other messages come through
  /// until ``Connection/mostHeld`` of requests wait before them; then nothing is read any more. While nothing is read the peer's
  /// end is not seen, unless something is being written. A connection that is being closed reads all the same.
  package func pauseReading() { connection?.pauseReading() }

  /// Takes one ``pauseReading()`` back; does nothing when there is none, or when the connection has ended.
  ///
  /// Only on the connection's event loop. What waits is served later, not during the call.
  package func resumeReading() { connection?.resumeReading() }
}
