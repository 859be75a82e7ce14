import MailroomQueue
import TestSupport
import XCTest

@testable import MailroomTransport

/// Which numbers prefixes are given, against a model of what the peer keeps.
final class PrefixNumbersTests: XCTestCase {
  private func prefix(_ count: Int, _ byte: UInt8 = 0) -> BodyPrefix {
    BodyPrefix([UInt8](repeating: byte, count: count))
  }

  private func table(_ count: Int, _ byteCount: Int = 1 << 20) -> PrefixNumbers {
    PrefixNumbers(within: PrefixLimits(count: count, byteCount: byteCount))
  }

  func testNumbersAreGivenFromZeroOn() {
    var table = table(3)
    let prefixes = (0..<3).map { prefix(10, UInt8($0)) }
    for (number, prefix) in prefixes.enumerated() {
      XCTAssertEqual(table.settle(prefix), UInt32(number))
      XCTAssertNotNil(prefix.settled.mark(in: table.serial))
      XCTAssertEqual(prefix.settled.lastMark(), PrefixMark(UInt32(number), inPlaceOf: 10))
    }
    XCTAssertEqual(table.count, 3)
    XCTAssertEqual(table.byteCount, 30)
  }

  func testWhatFindsNoRoomIsSettledToo() {
    for limits in [PrefixLimits(count: 1, byteCount: 100), PrefixLimits(count: 9, byteCount: 19), .none] {
      var table = PrefixNumbers(within: limits)
      let first = prefix(10)
      XCTAssertEqual(table.settle(first), limits == .none ? nil : 0)
      let second = prefix(10)
      XCTAssertNil(table.settle(second))
      XCTAssertNotNil(second.settled.mark(in: table.serial))
      XCTAssertEqual(second.settled.lastMark(), .none)
    }
  }

  func testSmallerOnesStillFindRoom() {
    var table = table(9, 25)
    let (first, large, small) = (prefix(20), prefix(10), prefix(5))
    XCTAssertEqual(table.settle(first), 0)
    XCTAssertNil(table.settle(large))
    XCTAssertEqual(table.settle(small), 1)
    XCTAssertEqual(table.byteCount, 25)
  }

  func testPrefixThatNoFrameCanDefineGetsNoNumber() {
    var table = PrefixNumbers(within: PrefixLimits(count: 9, byteCount: 1 << 20), longest: 10)
    let (fits, tooLong) = (prefix(10), prefix(11))
    XCTAssertNil(table.settle(tooLong))
    XCTAssertEqual(table.settle(fits), 0)
    var none = PrefixNumbers(within: PrefixLimits(count: 9, byteCount: 9), longest: -1)
    XCTAssertNil(none.settle(prefix(0)))
  }

  // MARK: Branches

  private func tableOfBranches(_ count: Int, _ byteCount: Int = 1 << 20) -> PrefixNumbers {
    PrefixNumbers(within: PrefixLimits(count: count, byteCount: byteCount, withBranches: true))
  }

  func testBranchIsItsRootAndMore() {
    let root = BodyPrefix([1, 2])
    let branch = BodyPrefix(root, and: [3])
    XCTAssertEqual(branch.bytes, [1, 2, 3])
    XCTAssertTrue(branch.root === root)
    XCTAssertNil(root.root)
  }

  func testBranchesHaveNumbersOfTheirOwnIfThePeerKeepsThem() {
    let root = prefix(4)
    let branches = (UInt8(0)..<2).map { BodyPrefix(root, and: [$0]) }
    var old = table(10)
    XCTAssertNil(old.settle(branches[0]))
    XCTAssertEqual(branches[0].settled.lastMark(), .none)
    XCTAssertEqual(old.settle(root), 0)
    var new = tableOfBranches(10)
    XCTAssertEqual(new.settle(branches[0]), 0)
    XCTAssertEqual(new.settle(branches[1]), 1)
    XCTAssertEqual(new.settle(root), 2)
    XCTAssertEqual(branches[1].settled.lastMark(), PrefixMark(1, inPlaceOf: 5))
    XCTAssertEqual(new.byteCount, 14)
    XCTAssertEqual(new.branches.count, 2)
    XCTAssertEqual(new.branches.byteCount, 10)
  }

  func testLongBranchHasNoNumber() {
    let root = prefix(4)
    var table = tableOfBranches(10)
    XCTAssertEqual(table.settle(BodyPrefix(root, and: Array(repeating: 1, count: BodyPrefix.longestBranch))), 0)
    XCTAssertNil(table.settle(BodyPrefix(root, and: Array(repeating: 1, count: BodyPrefix.longestBranch + 1))))
  }

  func testBranchesLeaveHalfOfTheNumbersAndBytesToOthers() {
    let root = prefix(4)
    var held: [BodyPrefix] = []
    var table = tableOfBranches(10)
    for _ in 0..<100 {
      held.append(BodyPrefix(root, and: [1]))
      XCTAssertEqual(table.settle(held[held.count - 1]) != nil, held.count <= 5)
    }
    for _ in 0..<100 {
      held.append(prefix(1))
      XCTAssertEqual(table.settle(held[held.count - 1]) != nil, held.count <= 105)
    }
    var small = tableOfBranches(100, 30)
    for count in 1...5 {
      held.append(BodyPrefix(root, and: [1]))
      XCTAssertEqual(small.settle(held[held.count - 1]) != nil, count <= 3)
    }
    held.append(prefix(15))
    XCTAssertNotNil(small.settle(held[held.count - 1]))
  }

  func testNumbersOfBranchesAreGivenAgainToEither() {
    let root = prefix(4)
    var table = tableOfBranches(4)
    var branches: [BodyPrefix] = (0..<2).map { _ in BodyPrefix(root, and: [1]) }
    let roots = (0..<2).map { _ in prefix(1) }
    XCTAssertEqual(branches.map { table.settle($0) }, [0, 1])
    XCTAssertEqual(roots.map { table.settle($0) }, [2, 3])
    branches = []
    let branch = BodyPrefix(root, and: [2, 2])
    let others = (0..<5).map { _ in prefix(2) }
    XCTAssertEqual(table.settle(branch), 1)
    XCTAssertEqual(table.settle(others[0]), 0)
    XCTAssertEqual(table.branches.count, 1)
    XCTAssertEqual(table.branches.byteCount, 6)
    XCTAssertEqual(table.byteCount, 6 + 2 + 2)
    for other in others[1...] { XCTAssertNil(table.settle(other), "all are held") }
  }

  /// As ``testManyPrefixesComeAndGo()``, with branches among them, each of which holds its root.
  func testManyBranchesComeAndGo() {
    let limits = PrefixLimits(count: 20, byteCount: 200, withBranches: true)
    var table = PrefixNumbers(within: limits)
    var kept: [UInt32: (bytes: [UInt8], isBranch: Bool)] = [:]
    var held: [BodyPrefix] = []
    var (numbered, again) = ([0, 0], 0)
    var random = SeededRandom(seed: 11)
    for step in 0..<10_000 {
      let bytes = random.bytes(Int.random(in: 0..<13, using: &random))
      let root = held.randomElement(using: &random)
      let isBranch = step % 3 > 0 && root != nil && root?.root == nil
      let new = if isBranch, let root { BodyPrefix(root, and: bytes) } else { BodyPrefix(bytes) }
      if let number = table.settle(new) {
        XCTAssertLessThanOrEqual(Int(number), kept.count)
        if kept[number] != nil { again += 1 }
        kept[number] = (new.bytes, isBranch)
        numbered[isBranch ? 1 : 0] += 1
      }
      held.append(new)
      if held.count > 15 { held.remove(at: Int.random(in: held.indices, using: &random)) }
      let branches = kept.values.filter(\.isBranch)
      XCTAssertLessThanOrEqual(kept.count, limits.count)
      XCTAssertLessThanOrEqual(branches.count, limits.count / 2)
      XCTAssertEqual(table.branches.count, branches.count)
      XCTAssertEqual(table.branches.byteCount, branches.reduce(0) { $0 + $1.bytes.count })
      XCTAssertLessThanOrEqual(table.branches.byteCount, limits.byteCount / 2)
      XCTAssertEqual(table.byteCount, kept.values.reduce(0) { $0 + $1.bytes.count })
      XCTAssertLessThanOrEqual(table.byteCount, limits.byteCount)
      for prefix in held where prefix.settled.lastMark() != .none {
        XCTAssertEqual(kept[prefix.settled.lastMark().number]?.bytes, prefix.bytes)
      }
    }
    XCTAssertGreaterThan(numbered[0], 500)
    XCTAssertGreaterThan(numbered[1], 500)
    XCTAssertGreaterThan(again, 1000)
  }

  func testTablesAreNotMistakenForOneAnother() {
    let serials = (0..<100).map { _ in table(1).serial }
    XCTAssertEqual(Set(serials).count, 100)
    let new = BodyPrefix([])
    XCTAssertFalse(serials.contains { new.settled.mark(in: $0) != nil }, "a new prefix is known to no table")
  }

  func testNumberIsGivenAgainOnceNobodyHoldsItsPrefix() {
    var table = table(2)
    let lasting = prefix(10)
    XCTAssertEqual(table.settle(lasting), 0)
    var short: BodyPrefix? = prefix(10)
    XCTAssertEqual(short.flatMap { table.settle($0) }, 1)
    let refused = prefix(10)
    XCTAssertNil(table.settle(refused), "both are held")
    short = nil
    // Looking for those that nobody holds is put off until it is worth it.
    var later: [BodyPrefix] = []
    var numbers: [UInt32?] = []
    for _ in 0..<3 {
      later.append(prefix(7))
      numbers.append(table.settle(later[later.count - 1]))
    }
    XCTAssertEqual(numbers, [nil, nil, 1])
    XCTAssertEqual(table.byteCount, 17)
    XCTAssertEqual(lasting.settled.lastMark().number, 0)
  }

  func testNumberIsNotGivenToAPrefixThatIsTooLargeForItsPlace() {
    var table = table(1, 10)
    XCTAssertEqual(table.settle(prefix(5)), 0)
    let (large, small) = (prefix(11), prefix(10))
    XCTAssertNil(table.settle(large))
    XCTAssertEqual(table.settle(small), 0)
    XCTAssertEqual(table.byteCount, 10)
  }

  func testLimitsOfThePeerAreCutToThoseOfThisSide() {
    var table = PrefixNumbers(within: PrefixLimits(count: .max, byteCount: .max))
    var prefixes: [BodyPrefix] = []
    for number in 0..<PrefixNumbers.most.count {
      prefixes.append(prefix(0))
      XCTAssertEqual(table.settle(prefixes[number]), UInt32(number))
    }
    prefixes.append(prefix(0))
    XCTAssertNil(table.settle(prefixes[prefixes.count - 1]))
    var other = PrefixNumbers(within: PrefixLimits(count: .max, byteCount: .max))
    XCTAssertNil(other.settle(prefix(PrefixNumbers.most.byteCount + 1)))
  }

  /// Prefixes come and go; the peer's table never has gaps or goes beyond its limits, and every held prefix has what it was told.
  func testManyPrefixesComeAndGo() {
    let limits = PrefixLimits(count: 20, byteCount: 150)
    var table = PrefixNumbers(within: limits)
    var kept: [UInt32: [UInt8]] = [:]
    var held: [BodyPrefix] = []
    var (numbered, again) = (0, 0)
    for step in 0..<5000 {
      let new = BodyPrefix([UInt8](repeating: UInt8(truncatingIfNeeded: step), count: step * 7 % 13))
      if let number = table.settle(new) {
        XCTAssertLessThanOrEqual(Int(number), kept.count)
        if kept[number] != nil { again += 1 }
        kept[number] = new.bytes
        numbered += 1
      }
      held.append(new)
      if held.count > 15 { held.remove(at: step * 31 % held.count) }
      XCTAssertLessThanOrEqual(kept.count, limits.count)
      XCTAssertLessThanOrEqual(kept.values.reduce(0) { $0 + $1.count }, limits.byteCount)
      XCTAssertEqual(table.byteCount, kept.values.reduce(0) { $0 + $1.count })
      for prefix in held where prefix.settled.lastMark() != .none {
        XCTAssertEqual(kept[prefix.settled.lastMark().number], prefix.bytes)
      }
    }
    XCTAssertGreaterThan(numbered, 1000)
    XCTAssertGreaterThan(again, 1000)
  }
}
