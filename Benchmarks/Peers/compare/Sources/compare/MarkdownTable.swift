/// Rows under a heading, padded so that they can be read as plain text as well.
struct MarkdownTable {
  var heading: [String]
  var rows: [[String]] = []

  /// The table with a line break behind each line.
  ///
  /// The first column begins on the left, the others end on the right.
  var text: String {
    let all = [heading] + rows
    let widths = heading.indices.map { column in max(3, all.map { $0[column].count }.max() ?? 3) }
    let rule = widths.enumerated().map { column, width in
      column == 0 ? String(repeating: "-", count: width) : String(repeating: "-", count: width - 1) + ":"
    }
    return ([heading, rule] + rows).map { row in
      let cells = row.enumerated().map { column, cell in
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        return column == 0 ? cell + padding : padding + cell
      }
      return "| \(cells.joined(separator: " | ")) |\n"
    }.joined()
  }
}
