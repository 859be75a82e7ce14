/// Rows of text under column names.
struct Table {
  let columns: [String]
  /// As long as ``columns`` each.
  let rows: [[String]]
  /// The columns of words, which stand to the left; numbers stand to the right.
  let words: Set<Int>

  /// As Markdown has it.
  var markdown: String {
    let rules = columns.indices.map { words.contains($0) ? "---" : "--:" }
    return ([columns, rules] + rows).map { "| \($0.joined(separator: " | ")) |\n" }.joined()
  }

  func print() {
    let rows = [columns] + rows
    let widths = columns.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    for (index, row) in rows.enumerated() {
      let cells = zip(row, widths).enumerated().map { column, cell in
        let padding = String(repeating: " ", count: cell.1 - cell.0.count)
        return words.contains(column) ? cell.0 + padding : padding + cell.0
      }
      Swift.print(cells.joined(separator: "  "))
      if index == 0 { Swift.print(widths.map { String(repeating: "-", count: $0) }.joined(separator: "  ")) }
    }
  }
}
