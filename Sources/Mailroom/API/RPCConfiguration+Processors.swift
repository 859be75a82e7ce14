internal import MailroomQueue

extension RPCConfiguration {
  /// Finds numbers of processors that threads cannot be bound to, before any thread is.
  ///
  /// - Throws: ``RPCError`` with ``RPCError/Code/invalidArgument``, or ``RPCError/Code/full`` when the system has no thread to
  ///   find out with.
  func checkProcessors() throws(RPCError) {
    try Self.check(eventLoopProcessors, "eventLoopProcessors")
    try Self.check(messageLoopProcessors, "messageLoopProcessors")
  }

  private static func check(_ numbers: [Int]?, _ property: String) throws(RPCError) {
    guard let numbers else { return }
    if numbers.isEmpty {
      throw RPCError(.invalidArgument, "\(property) has no number; nil is for any processor", execution: .notExecuted)
    }
    for number in Set(numbers).sorted() {
      do throws(WorkerThread.StartError) {
        if try Processor.canRun(on: number) { continue }
      } catch {
        throw RPCError(.full, "no thread could be started: error \(error.errno)", execution: .notExecuted)
      }
      throw RPCError(
        .invalidArgument, "\(property) has the number \(number), and no thread can be bound to such a processor",
        execution: .notExecuted)
    }
  }
}
