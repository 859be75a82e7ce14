import XCTest

@testable import Mailroom

final class CrewTests: XCTestCase {
  private enum Step: CaseIterable {
    case enter, leave, stop
  }

  /// Every sequence that the rules allow: OnStop falls to exactly one, and to nobody while somebody is at work.
  func testOnStopFallsToExactlyOneInEverySequence() {
    var count = 0
    func explore(_ word: CrewWord, atWork: Int, isStopped: Bool, ends: Int, _ depth: Int) {
      count += 1
      XCTAssertEqual(word.count, atWork)
      XCTAssertEqual(word.isStopping, isStopped)
      XCTAssertEqual(ends, isStopped && atWork == 0 ? 1 : 0)
      guard depth > 0 else { return }
      for step in Step.allCases {
        switch step {
        case .enter where !isStopped:
          XCTAssertFalse(word.entering.isEnding)
          explore(word.entering, atWork: atWork + 1, isStopped: false, ends: ends, depth - 1)
        case .leave where atWork > 0:
          let next = word.leaving
          explore(next, atWork: atWork - 1, isStopped: isStopped, ends: ends + (next.isEnding ? 1 : 0), depth - 1)
        case .stop where !isStopped:
          let next = word.stopping
          explore(next, atWork: atWork, isStopped: true, ends: ends + (next.isEnding ? 1 : 0), depth - 1)
        default: break
        }
      }
    }
    explore(.nobody, atWork: 0, isStopped: false, ends: 0, 12)
    XCTAssertGreaterThan(count, 1000)
  }

  func testCrewPerformsTheStepsOfItsWord() {
    let crew = Crew()
    XCTAssertEqual(crew.state, .nobody)
    crew.enter()
    crew.enter()
    XCTAssertEqual(crew.state.count, 2)
    XCTAssertFalse(crew.leave())
    XCTAssertFalse(crew.stop())
    XCTAssertTrue(crew.state.isStopping)
    XCTAssertTrue(crew.leave())
    XCTAssertTrue(Crew().stop(), "nobody is at work")
  }

  func testLastOfManyThreadsEnds() async throws {
    for _ in 0..<50 {
      let crew = Crew()
      for _ in 0..<4 { crew.enter() }
      let ends = Results<Int>("the end")
      try await fromThreads(5) { thread in
        if thread == 4 ? crew.stop() : crew.leave() { ends.add(thread) }
      }
      XCTAssertEqual(ends.values.count, 1)
      XCTAssertTrue(crew.state.isEnding)
    }
  }
}
