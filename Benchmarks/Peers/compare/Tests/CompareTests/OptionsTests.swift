import XCTest

@testable import compare

final class OptionsTests: XCTestCase {
  private func peers(_ arguments: String...) throws -> [String] {
    try Options(arguments).chosenContestants.filter { !$0.isMailroom }.map(\.name)
  }

  func testPeersThatTakeLongTakePartOnlyWhenAskedFor() throws {
    XCTAssertEqual(try peers(), ["zeromq", "nio", "capnp", "nng"])
    XCTAssertEqual(try peers("--with", "spark"), ["zeromq", "nio", "capnp", "nng", "spark"])
    XCTAssertEqual(try peers("--only", "nng,spark"), ["nng", "spark"])
    XCTAssertThrowsError(try peers("--only", "nobody"))
  }

  func testScenariosAreChosenByTheirBeginning() throws {
    XCTAssertEqual(try Options([]).chosenScenarios, Scenario.all)
    XCTAssertEqual(
      try Options(["--scenario", "ask,one-way-1m"]).chosenScenarios.map(\.name), ["ask-16", "ask-1k", "one-way-1m"])
    XCTAssertThrowsError(try Options(["--scenario", "two-way"]))
  }

  func testUnknownOptionsAndBadValuesAreErrors() {
    XCTAssertThrowsError(try Options(["--nothing"]))
    XCTAssertThrowsError(try Options(["--rounds"]))
    XCTAssertThrowsError(try Options(["--rounds", "0"]))
    XCTAssertThrowsError(try Options(["--seconds", "soon"]))
  }
}
