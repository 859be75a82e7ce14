import Foundation

/// The results as bars on logarithmic scales, one panel for each scenario.
///
/// An SVG image without scripts or fonts of its own.
struct Chart {
  let results: Results

  private let panelWidth = 485.0
  private let barHeight = 16.0
  private let barGap = 7.0
  private let labelWidth = 180.0
  private let valueWidth = 85.0
  private let margin = 20.0
  private let headHeight = 44.0
  private let columns = 2

  private var rowHeight: Double { barHeight + barGap }
  private var panelHeight: Double { headHeight + Double(results.contestants.count) * rowHeight + 34 }

  var svg: String {
    let rows = (results.scenarios.count + columns - 1) / columns
    let width = Double(min(columns, results.scenarios.count)) * (panelWidth + margin) + margin
    let height = Double(rows) * panelHeight + margin + 40
    var parts = [
      """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(text(width)) \(text(height))" \
      font-family="system-ui, sans-serif" font-size="12">
      """,
      ##"<rect width="100%" height="100%" fill="#ffffff"/>"##,
    ]
    for (index, scenario) in results.scenarios.enumerated() {
      let x = margin + Double(index % columns) * (panelWidth + margin)
      let y = margin + Double(index / columns) * panelHeight
      parts.append(#"<g transform="translate(\#(text(x)) \#(text(y)))">"#)
      parts += panel(scenario)
      parts.append("</g>")
    }
    parts.append(label(results.machine.line, x: margin, y: height - 30, size: 11, color: "#555555"))
    parts.append(
      label(
        "Bars: medians of \(results.roundsText); lines: least to most. Logarithmic scales.", x: margin,
        y: height - 14, size: 11, color: "#555555"))
    parts.append("</svg>\n")
    return parts.joined(separator: "\n")
  }

  private func panel(_ scenario: Scenario) -> [String] {
    let unit = scenario.unit + (scenario.isLatency ? ": shorter is better" : ": longer is better")
    var parts = [
      label(scenario.title, x: 0, y: 14, size: 14, weight: "bold"), label(unit, x: 0, y: 30, color: "#555555"),
    ]
    let spreads = results.contestants.map { results.spread($0, scenario) }
    guard let scale = LogScale(spreads.compactMap(\.self), width: panelWidth - labelWidth - valueWidth) else {
      return parts
    }
    let bottom = headHeight + Double(results.contestants.count) * rowHeight
    for decade in scale.decades {
      let x = labelWidth + scale.position(decade)
      parts.append(line(x, headHeight - 4, x, bottom, color: "#dddddd"))
      parts.append(label(scenario.text(decade), x: x, y: bottom + 14, size: 10, anchor: "middle", color: "#777777"))
    }
    for (index, contestant) in results.contestants.enumerated() {
      parts += bar(contestant, spreads[index], scenario, scale, y: headHeight + Double(index) * rowHeight)
    }
    return parts
  }

  private func bar(
    _ contestant: Contestant, _ spread: Spread?, _ scenario: Scenario, _ scale: LogScale, y: Double
  ) -> [String] {
    let middle = y + barHeight / 2
    let name = label(
      results.title(contestant), x: labelWidth - 8, y: middle + 4, weight: contestant.isMailroom ? "bold" : "normal",
      anchor: "end")
    guard let spread else { return [name, label("failed", x: labelWidth, y: middle + 4, color: "#b00020")] }
    let length = scale.position(spread.median)
    let color = contestant.isMailroom ? "#d9541e" : "#8aa0b4"
    return [
      name,
      """
      <rect x="\(text(labelWidth))" y="\(text(y))" width="\(text(length))" height="\(text(barHeight))" fill="\(color)"/>
      """,
      line(labelWidth + scale.position(spread.least), middle, labelWidth + scale.position(spread.most), middle),
      label(
        scenario.text(spread.median), x: labelWidth + max(length, scale.position(spread.most)) + 6, y: middle + 4),
    ]
  }

  private func label(
    _ content: String, x: Double, y: Double, size: Int = 12, weight: String = "normal", anchor: String = "start",
    color: String = "#111111"
  ) -> String {
    let escaped = content.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
    return """
      <text x="\(text(x))" y="\(text(y))" font-size="\(size)" font-weight="\(weight)" text-anchor="\(anchor)" \
      fill="\(color)">\(escaped)</text>
      """
  }

  private func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, color: String = "#333333") -> String {
    #"<line x1="\#(text(x1))" y1="\#(text(y1))" x2="\#(text(x2))" y2="\#(text(y2))" stroke="\#(color)"/>"#
  }

  private func text(_ value: Double) -> String { String(format: "%.1f", value) }
}

/// Where values stand on a logarithmic scale, which begins at the power of ten below the least of them.
struct LogScale {
  private let low, high, width: Double

  /// Nil without values.
  init?(_ spreads: [Spread], width: Double) {
    guard let least = spreads.map(\.least).min(), let most = spreads.map(\.most).max(), least > 0 else { return nil }
    low = log10(least * 0.95).rounded(.down)
    high = max(log10(most), low + 1)
    self.width = width
  }

  func position(_ value: Double) -> Double { (log10(value) - low) / (high - low) * width }

  /// The powers of ten on the scale.
  var decades: [Double] { stride(from: low, through: high, by: 1).map { pow(10, $0) } }
}
