internal import MailroomQueue

/// Messages that other threads posted while their connection was not writable, in the order posted.
///
/// Loop-confined.
///
/// They are frames that only wait for their place in the out-buffer. A request among them is registered already, so that its
/// deadline counts; one that was ended meanwhile leaves without being sent. Bound: the queue's gauge, which counts them until
/// they leave; answers are bounded by the requests that the peer may have unanswered.
struct HeldPosts {
  /// What is done with a frame besides sending it.
  enum Kind: Equatable {
    case oneWay
    /// So many answers, one frame behind the other.
    case answers(Int)
    case request(id: Int64, deadline: MonotonicTime)
  }

  /// A message that waits.
  final class Post {
    let kind: Kind
    /// How many messages it is.
    var count: Int { if case .answers(let count) = kind { count } else { 1 } }
    private var frame: ByteWriter

    init(_ frame: consuming ByteWriter, _ kind: Kind) {
      self.frame = frame
      self.kind = kind
    }

    /// The frame, which leaves the message.
    func takeFrame() -> ByteWriter {
      var taken = ByteWriter()
      swap(&taken, &frame)
      return taken
    }
  }

  private var posts = FIFO<Post>()
  /// The ids of the requests among them.
  private var requests: Set<Int64> = []

  /// Whether nothing waits.
  var isEmpty: Bool { posts.isEmpty }

  /// Adds a message behind the others.
  mutating func append(_ frame: consuming ByteWriter, _ kind: Kind) {
    if case .request(let id, _) = kind { requests.insert(id) }
    posts.append(Post(frame, kind))
  }

  /// Whether the request with this id waits here, so that the peer does not know it.
  func contains(request id: Int64) -> Bool { requests.contains(id) }

  /// Takes the oldest message out.
  mutating func popFirst() -> Post? {
    let post = posts.popFirst()
    if case .request(let id, _)? = post?.kind { requests.remove(id) }
    return post
  }
}
