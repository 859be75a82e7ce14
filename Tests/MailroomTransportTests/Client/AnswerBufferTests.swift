import MailroomQueue
import XCTest

@testable import MailroomTransport

final class AnswerBufferTests: XCTestCase {
  func testItIsQueuedOnceThatThereAreAnswers() {
    let answers = AnswerBuffer()
    var batch = AnswerBuffer.Batch()
    var queued = 0
    for round in 1...3 {
      answers.append {
        $0.append([1, 2])
      } first: {
        queued += 1
      }
      XCTAssertEqual(queued, round)
      answers.append {
        $0.append(3)
      } first: {
        queued += 1
      }
      // One without a frame counts.
      answers.append { _ in
      } first: {
        queued += 1
      }
      XCTAssertEqual(queued, round)
      answers.take(into: &batch)
      XCTAssertEqual(batch.frames.array(), [1, 2, 3])
      XCTAssertEqual(batch.count, 3)
      batch.clear()
    }
    answers.take(into: &batch)
    XCTAssertTrue(batch.frames.isEmpty)
    XCTAssertEqual(batch.count, 0)
  }

  func testStorageIsKeptUnlessItIsLarge() {
    var batch = AnswerBuffer.Batch()
    batch.frames.append([UInt8](repeating: 1, count: 1000))
    batch.count = 1
    batch.clear()
    XCTAssertGreaterThanOrEqual(batch.frames.capacity, 1000)
    XCTAssertEqual(batch.count, 0)
    batch.frames.append([UInt8](repeating: 1, count: 1 << 20))
    batch.clear()
    XCTAssertEqual(batch.frames.capacity, 0)
  }
}
