import Foundation

/// Mailroom beside its peers.
///
/// Runs in the root of the repository.
@main
enum Compare {
  static func main() {
    do {
      let options = try Options(Array(CommandLine.arguments.dropFirst()))
      if options.wantsHelp { return print(Options.help) }
      try run(options)
    } catch {
      FileHandle.standardError.write(Data("compare: \(error)\n".utf8))
      exit(1)
    }
  }

  private static func run(_ options: Options) throws {
    let root = FileManager.default.currentDirectoryPath
    let results: Results
    if let file = options.results {
      results = try Results.read(file)
    } else {
      let comparison = try Comparison(
        contestants: options.chosenContestants, scenarios: options.chosenScenarios, options: options, root: root)
      results = try comparison.run()
      try results.write("\(root)/.build-peers/results.json")
    }
    let document = Document(results: results)
    print(document.overview)
    if options.writesReadme { try document.write(root: root) }
  }
}
