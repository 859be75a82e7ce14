/// The results as Markdown tables.
struct Tables {
  let results: Results

  /// One row for each program, one column for each scenario: the median, and how many times as good the first Mailroom is.
  var overview: String {
    var table = MarkdownTable(heading: [""] + results.scenarios.map(\.title))
    for contestant in results.contestants {
      table.rows.append(
        [name(contestant)]
          + results.scenarios.map { scenario in
            guard let spread = results.spread(contestant, scenario) else { return "failed" }
            let figure = scenario.text(spread.median)
            guard !contestant.isMailroom, let ratio = results.ratio(reference, to: contestant, scenario) else {
              return figure
            }
            return "\(figure) (\(Format.ratio(ratio.median)))"
          })
    }
    return table.text
  }

  /// All figures of a scenario.
  func details(_ scenario: Scenario) -> String {
    let mailrooms = results.contestants.filter(\.isMailroom)
    var heading = ["", scenario.unit, "least to most", "p50, us", "p99, us"]
    if scenario.kind == .oneWay { heading[3...] = ["window"] }
    var table = MarkdownTable(heading: heading + mailrooms.map { "\($0.title) is" })
    for contestant in results.contestants {
      guard let spread = results.spread(contestant, scenario),
        let latencies = results.latencies(contestant, scenario)
      else {
        table.rows.append([name(contestant), "failed"] + Array(repeating: "", count: table.heading.count - 2))
        continue
      }
      var row = [
        name(contestant), scenario.text(spread.median),
        "\(scenario.text(spread.least)) to \(scenario.text(spread.most))",
      ]
      if scenario.kind == .oneWay {
        row.append("\(contestant.adapted(scenario).window)")
      } else {
        row += [Format.significant(latencies.p50.median), Format.significant(latencies.p99.median)]
      }
      row += mailrooms.map { mailroom in
        guard mailroom.name != contestant.name, let ratio = results.ratio(mailroom, to: contestant, scenario) else {
          return ""
        }
        return Format.ratio(ratio.median)
      }
      table.rows.append(row)
    }
    return table.text
  }

  /// Programs and their versions, with how they are programmed, as a list.
  var programs: String {
    results.contestants.map { contestant in
      guard let version = results.versions[contestant.name] else { return "" }
      let build = contestant.isMailroom ? "\(version.number), \(version.toolchain)" : version.toolchain
      return "- **\(results.title(contestant))** (\(build)): \(contestant.description).\n"
    }.joined()
  }

  private var reference: Contestant { Contestant.mailroom[0] }

  private func name(_ contestant: Contestant) -> String {
    contestant.isMailroom ? "**\(results.title(contestant))**" : results.title(contestant)
  }
}
