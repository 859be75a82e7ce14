/// How many messages were given up, by kind; requests are not among them, because who waits for their answers is told.
struct DroppedMessages: Equatable {
  /// One-way messages.
  var oneWays = 0
  /// Answers to requests of the peer.
  var answers = 0

  /// Both.
  var total: Int { oneWays + answers }

  /// One one-way message.
  static let oneWay = DroppedMessages(oneWays: 1)
  /// One answer.
  static let answer = DroppedMessages(answers: 1)

  static func += (left: inout DroppedMessages, right: DroppedMessages) {
    left.oneWays += right.oneWays
    left.answers += right.answers
  }
}
