internal import MailroomQueue
internal import MailroomTransport

/// How messages are served that go to changing endpoints: each in a turn of its own.
///
/// Nothing is touched but what the number stands for and what a turn needs, and no reference is counted: of many endpoints each
/// object is another place in memory, and what is counted in it is written there.
extension RemoteHandler {
  /// Serves a request; false when it may have no turn of its own, and nothing was done.
  @inline(__always)
  func servesAlone(_ content: RawSpan, behind number: Int, _ responder: RPCResponder) -> Bool {
    guard number < numbered.value.count, let handler = numbered.value[number].beginTurn(forRequest: content) else {
      return false
    }
    settleOthers(before: number)
    if !spare.value.begin(responder) { spare.value.call = call(for: RemoteRequest(responder)) }
    let delivered = spare.value.deliver(content, to: handler, from: source, by: numbered.value[number])
    if delivered == .refused, let route = numbered.value[number].route {
      deliver(content, by: handler, MessageOrigin(call: spare.value.call, source: source), to: route)
    }
    spare.value.settle()
    return true
  }

  /// Serves a one-way message; as ``servesAlone(_:behind:_:)``.
  @inline(__always)
  func servesAlone(_ content: RawSpan, behind number: Int) -> Bool {
    guard number < numbered.value.count, let handler = numbered.value[number].beginTurnForOneWay() else { return false }
    settleOthers(before: number)
    let delivered = numbered.value[number].deliver(content, to: handler, nil, from: source)
    if delivered == .refused, let route = numbered.value[number].route {
      deliver(content, by: handler, .oneWay(source), to: route)
    }
    return true
  }

  /// What was read before is where it belongs when the handler runs.
  @inline(__always)
  private func settleOthers(before number: Int) {
    numbered.value.pass(number)
    if turn.value.inbox != nil { endTurn() }
    if waiting.value.batch.count > 0 { postWaiting() }
  }
}
