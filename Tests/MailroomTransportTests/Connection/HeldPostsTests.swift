import MailroomQueue
import XCTest

@testable import MailroomTransport

final class HeldPostsTests: XCTestCase {
  func testMessagesLeaveInTheOrderPosted() {
    var posts = HeldPosts()
    XCTAssertTrue(posts.isEmpty)
    XCTAssertNil(posts.popFirst())
    let kinds: [HeldPosts.Kind] = [
      .oneWay, .request(id: 5, deadline: .distantFuture), .answers(3), .request(id: 6, deadline: .now),
    ]
    for (index, kind) in kinds.enumerated() {
      var frame = ByteWriter()
      frame.append([UInt8(index)])
      posts.append(frame, kind)
    }
    XCTAssertFalse(posts.contains(request: 4))
    for (index, kind) in kinds.enumerated() {
      XCTAssertFalse(posts.isEmpty)
      XCTAssertEqual(posts.contains(request: 5), index < 2)
      XCTAssertEqual(posts.contains(request: 6), index < 4)
      let post = posts.popFirst()
      XCTAssertEqual(post?.kind, kind)
      XCTAssertEqual(post?.count, index == 2 ? 3 : 1)
      XCTAssertEqual(post?.takeFrame().array(), [UInt8(index)])
    }
    XCTAssertTrue(posts.isEmpty)
    XCTAssertNil(posts.popFirst())
  }
}
