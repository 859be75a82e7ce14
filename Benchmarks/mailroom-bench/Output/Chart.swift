/// Panels with lines, as an SVG picture.
struct Chart {
  let title: String
  let panels: [Panel]
  /// Panels beside each other.
  let columns: Int

  private static let margin = 20.0, heading = 30.0

  var svg: String {
    let rows = (panels.count + columns - 1) / columns
    let width = Self.margin * 2 + Double(columns) * Panel.width
    let height = Self.margin * 2 + Self.heading + Double(rows) * Panel.height
    var svg = """
      <svg xmlns="http://www.w3.org/2000/svg" width="\(Int(width))" height="\(Int(height))" \
      viewBox="0 0 \(Int(width)) \(Int(height))" font-family="sans-serif" font-size="11">
      <rect width="100%" height="100%" fill="white"/>
      <text x="\(Int(Self.margin))" y="\(Int(Self.margin + 12))" font-size="12">\(Self.escaped(title))</text>

      """
    for (index, panel) in panels.enumerated() {
      let x = Self.margin + Double(index % columns) * Panel.width
      let y = Self.margin + Self.heading + Double(index / columns) * Panel.height
      svg += "<g transform=\"translate(\(Int(x)),\(Int(y)))\">\n\(panel.svg)</g>\n"
    }
    return svg + "</svg>\n"
  }

  /// Text as SVG has it.
  static func escaped(_ text: String) -> String {
    var escaped = ""
    for character in text {
      switch character {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      default: escaped.append(character)
      }
    }
    return escaped
  }
}
