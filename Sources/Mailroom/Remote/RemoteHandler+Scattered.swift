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
    guard settlesOthers(before: number), let handler = numbered.value[number].beginTurn(forRequest: content) else {
      return false
    }
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
    guard settlesOthers(before: number), let handler = numbered.value[number].beginTurnForOneWay() else { return false }
    let delivered = numbered.value[number].deliver(content, to: handler, nil, from: source)
    if delivered == .refused, let route = numbered.value[number].route {
      deliver(content, by: handler, .oneWay(source), to: route)
    }
    return true
  }

  /// Has what was read before be where it belongs when the handler of a number's endpoint runs, if that runs here; says whether it does.
  ///
  /// Before the turn begins, for it calls functions of users when messages are lost, who may stop the endpoint.
  @inline(__always)
  private func settlesOthers(before number: Int) -> Bool {
    guard number < numbered.value.count, numbered.value[number].isHere else { return false }
    numbered.value.pass(number)
    if turn.value.inbox != nil { endTurn() }
    if waiting.value.batch.count > 0 { postWaiting() }
    return true
  }
}
