import Foundation

/// What the results are written to.
struct Document {
  let results: Results

  private var tables: Tables { Tables(results: results) }

  private var warning: String {
    results.machine.isBusy ? "**Other programs were running: these figures are rough.**\n" : ""
  }

  /// What stands in README.md.
  var overview: String {
    """
    \(tables.overview)
    In brackets: how many times as fast \(Contestant.mailroom[0].title) is, the fastest way and not the default, which is the second row; \
    below 1 it is slower. Medians of \
    \(results.roundsText) of \(Format.significant(results.seconds)) s in which all programs ran in turns, two processes \
    over loopback TCP. \(results.machine.line).
    \(warning)
    """
  }

  /// What docs/comparison.md is.
  var page: String {
    """
    # Mailroom and its peers

    Written by `scripts/compare --readme`, which installs, builds and runs all of this again. The programs are in \
    `Benchmarks/Peers`.

    \(results.machine.line).
    \(warning)
    ![The figures as bars](comparison.svg)

    \(tables.overview)
    In brackets: how many times as fast \(Contestant.mailroom[0].title) is, the fastest way and not the default, which is the second row; \
    below 1 it is slower. The machine was looked at for a second before the first run; work that came later shows in the spread only. With \
    many asks on their way Mailroom may write them in four parts (docs/benchmarks.md); the other programs write once for what came \
    with one read, or as their library does.

    ## How it is measured

    - Two fresh processes for each run, server and client, over loopback TCP with TCP_NODELAY, and one connection for all messages.
    - \(results.roundsText); in each, every program runs every scenario once for \
    \(Format.significant(results.seconds)) s behind a warm-up, and another program begins. Figures are medians over the \
    rounds. Ratios are taken between runs of the same round; their median is shown.
    - Closed loop: the next request is sent when an answer has come, so that as many as the window says are on their way. \
    Requests and answers carry the payload; the server sends back what it got.
    - One-way messages are sent in batches of half a window, each followed by a question that the receiver answers when it has \
    handled the batch; two batches are on their way. Only what the receiver has confirmed is counted. The peer's own count must \
    agree. A program that is slow gets a smaller window, because a run should see many batches.
    - Latencies are those of the closed loop: with a window of 128 they are mostly time in the queue.

    ## The programs

    \(tables.programs)
    \(results.scenarios.map { "## \($0.title)\n\n\(tables.details($0))" }.joined(separator: "\n"))
    """
  }

  /// Rewrites README.md and the files in docs.
  func write(root: String) throws {
    let readme = "\(root)/README.md"
    let block = try MarkedBlock(name: "compare", in: String(contentsOfFile: readme, encoding: .utf8))
    try block.replaced(by: "\n\(overview)\n").write(toFile: readme, atomically: true, encoding: .utf8)
    try page.write(toFile: "\(root)/docs/comparison.md", atomically: true, encoding: .utf8)
    try Chart(results: results).svg.write(toFile: "\(root)/docs/comparison.svg", atomically: true, encoding: .utf8)
  }
}

/// What stands between <!-- name --> and <!-- /name --> in a text.
struct MarkedBlock {
  private let text: String
  private let range: Range<String.Index>

  /// - Throws: ``Failure`` when the text has no such marks.
  init(name: String, in text: String) throws {
    guard let begin = text.range(of: "<!-- \(name) -->\n"),
      let end = text.range(of: "<!-- /\(name) -->", range: begin.upperBound..<text.endIndex)
    else { throw Failure("there is no <!-- \(name) --> with its <!-- /\(name) -->") }
    self.text = text
    range = begin.upperBound..<end.lowerBound
  }

  /// The text with another content between the marks, which stay.
  func replaced(by content: String) -> String { text.replacingCharacters(in: range, with: content) }
}
