import XCTest

@testable import MailroomTransport

final class HeldPostsTests: XCTestCase {
  func testMessagesLeaveInTheOrderPosted() {
    var posts = HeldPosts()
    XCTAssertTrue(posts.isEmpty)
    XCTAssertNil(posts.popFirst())
    let kinds: [HeldPosts.Kind] = [.oneWay, .request(id: 5), .answer, .request(id: 6)]
    for (index, kind) in kinds.enumerated() {
      var frame = ByteWriter()
      frame.append([UInt8(index)])
      posts.append(frame, kind)
    }
    for (index, kind) in kinds.enumerated() {
      XCTAssertFalse(posts.isEmpty)
      let post = posts.popFirst()
      XCTAssertEqual(post?.kind, kind)
      XCTAssertEqual(post?.takeFrame().array(), [UInt8(index)])
    }
    XCTAssertTrue(posts.isEmpty)
    XCTAssertNil(posts.popFirst())
  }
}
