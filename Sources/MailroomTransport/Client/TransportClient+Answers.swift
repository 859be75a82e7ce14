internal import MailroomQueue

/// How answers of other threads get to the loop.
extension TransportClient {
  /// Posts an answer whose frame is encoded.
  func postAnswer(_ requestID: Int64, _ frame: consuming ByteWriter) {
    let count = frame.count
    if count <= AnswerBuffer.longestFrame { return postAnswer(requestID, size: count) { $0.append(frame.bytes) } }
    abandonment.forgetWatchers(requestID)
    _ = gauge.add(bytes: count)
    post(.answer(frame))
  }

  /// Posts an answer whose frame of `size` bytes `write` writes.
  func postAnswer(_ requestID: Int64, size: Int, _ write: (inout ByteWriter) -> Void) {
    if sendLoneAnswer(requestID, size: size, write) { return }
    abandonment.forgetWatchers(requestID)
    let isCancelled = abandonment.takeCancelled(requestID)
    _ = gauge.add(bytes: isCancelled ? 0 : size)
    var pushed = MPSCQueue<Outbound>.Pushed.queued
    answers.append {
      if !isCancelled { write(&$0) }
    } first: {
      pushed = outbound.push(.answers)
    }
    didPush(pushed)
  }

  /// Has the connection send or hold the answers that were put together; says what has left the queue.
  ///
  /// On the loop.
  func takeAnswers(_ connection: Connection) -> Amount {
    // Moved out, because what comes of sending may lead back here.
    var batch = AnswerBuffer.Batch()
    swap(&batch, &spareAnswers.value)
    answers.take(into: &batch)
    let left = connection.take(&batch)
    batch.clear()
    swap(&batch, &spareAnswers.value)
    return left
  }

  /// The error of an answer whose frame is too long.
  ///
  /// It says nothing of a request that was not sent: the one that is answered was, and has been served.
  func answerTooLargeError(length: Int) -> TransportError {
    TransportError(.tooLarge, "the reply takes \(length) bytes, the limit is \(configuration.maximumFrameLength)")
  }
}
