import TestSupport
import XCTest

@testable import MailroomQueue

/// Every order in which an owner and two borrowers can take their steps, as far as one thread can take them all.
///
/// The owner takes the place only where it need not wait; ``TenureTests`` has it wait.
final class TenureModelTests: XCTestCase {
  private enum Step: CaseIterable { case take, give, borrowFirst, backFirst, borrowSecond, backSecond }

  /// Who acts, by what was done.
  private struct Model {
    var owner = false
    var borrower: Int?

    /// What a step says, and nil when it must not be taken now.
    mutating func outcome(_ step: Step) -> Bool? {
      switch step {
      case .take:
        if owner || borrower != nil { return nil }
        owner = true
        return true
      case .give:
        if !owner { return nil }
        owner = false
        return true
      case .borrowFirst: return borrow(1)
      case .borrowSecond: return borrow(2)
      case .backFirst: return back(1)
      case .backSecond: return back(2)
      }
    }

    private mutating func borrow(_ index: Int) -> Bool? {
      if borrower == index { return nil }
      if owner || borrower != nil { return false }
      borrower = index
      return true
    }

    private mutating func back(_ index: Int) -> Bool? {
      if borrower != index { return nil }
      borrower = nil
      return true
    }
  }

  private func perform(_ step: Step, _ tenure: borrowing Tenure) -> Bool {
    switch step {
    case .take: tenure.take()
    case .give: tenure.give()
    case .borrowFirst, .borrowSecond: return tenure.borrow()
    case .backFirst, .backSecond: tenure.giveBack()
    }
    return true
  }

  func testOneActsAtATimeInEveryOrder() {
    var sequences = 0
    var paths: [[Step]] = [[]]
    while let path = paths.popLast() {
      var model = Model()
      let tenure = Tenure()
      for step in path { XCTAssertEqual(perform(step, tenure), model.outcome(step), "\(path)") }
      XCTAssertEqual(tenure.state, model.owner ? .awake : model.borrower != nil ? .borrowed : .asleep, "\(path)")
      sequences += 1
      guard path.count < 7 else { continue }
      for step in Step.allCases {
        var next = model
        if next.outcome(step) != nil { paths.append(path + [step]) }
      }
    }
    XCTAssertGreaterThan(sequences, 1000)
  }
}
