internal import Foundation

/// One part of a ``Chart``: lines over the same labels, from zero on.
struct Panel {
  /// A line, with the range of each value where it is known.
  struct Line {
    let name: String
    /// One for each label.
    let values: [Double]
    var ranges: [(low: Double, high: Double)] = []
  }

  static let width = 460.0, height = 240.0
  private static let plot = (left: 60.0, top: 30.0, right: 440.0, bottom: 195.0)
  private static let colours = ["#1f6fb4", "#d95f02", "#4d8c3a"]

  let title: String
  let labels: [String]
  let lines: [Line]

  /// The greatest value that the axis shows: 1, 2 or 5 times a power of ten.
  var top: Double { Self.roundUp(lines.flatMap { $0.values + $0.ranges.map(\.high) }.max() ?? 0) }

  /// The least number that is 1, 2 or 5 times a power of ten and not below a value; 1 for none above zero.
  static func roundUp(_ value: Double) -> Double {
    guard value > 0 else { return 1 }
    let power = pow(10, floor(log10(value)))
    return [1, 2, 5, 10].map { $0 * power }.first { $0 >= value * 0.999_999 } ?? 10 * power
  }

  var svg: String {
    let plot = Self.plot
    var svg = "<text x=\"\(plot.left)\" y=\"14\" font-weight=\"bold\">\(Chart.escaped(title))</text>\n"
    for step in 0...4 {
      let value = top * Double(step) / 4
      let y = position(value)
      svg += "<line x1=\"\(plot.left)\" x2=\"\(plot.right)\" y1=\"\(y)\" y2=\"\(y)\" stroke=\"#ddd\"/>\n"
      svg += "<text x=\"\(plot.left - 6)\" y=\"\(y)\" dy=\"4\" text-anchor=\"end\">\(Format.count(value))</text>\n"
    }
    for (index, label) in labels.enumerated() {
      svg +=
        "<text x=\"\(column(index))\" y=\"\(plot.bottom + 16)\" text-anchor=\"middle\">\(Chart.escaped(label))</text>\n"
    }
    for (index, line) in lines.enumerated() {
      svg += draw(line, Self.colours[index % Self.colours.count])
      svg += "<text x=\"\(plot.left + 130 * Double(index))\" y=\"\(plot.bottom + 34)\" "
      svg += "fill=\"\(Self.colours[index % Self.colours.count])\">\(Chart.escaped(line.name))</text>\n"
    }
    return svg
  }

  private func draw(_ line: Line, _ colour: String) -> String {
    let points = line.values.enumerated().map { "\(column($0)),\(position($1))" }.joined(separator: " ")
    var svg = "<polyline points=\"\(points)\" fill=\"none\" stroke=\"\(colour)\" stroke-width=\"2\"/>\n"
    for (index, value) in line.values.enumerated() {
      svg += "<circle cx=\"\(column(index))\" cy=\"\(position(value))\" r=\"3\" fill=\"\(colour)\"/>\n"
    }
    for (index, range) in line.ranges.enumerated() {
      let (x, y1, y2) = (column(index), position(range.low), position(range.high))
      svg += "<line x1=\"\(x)\" x2=\"\(x)\" y1=\"\(y1)\" y2=\"\(y2)\" stroke=\"\(colour)\"/>\n"
    }
    return svg
  }

  private func column(_ index: Int) -> Double {
    let (left, right) = (Self.plot.left + 25, Self.plot.right - 15)
    guard labels.count > 1 else { return (left + right) / 2 }
    return tenths(left + (right - left) * Double(index) / Double(labels.count - 1))
  }

  private func position(_ value: Double) -> Double {
    tenths(Self.plot.bottom - (Self.plot.bottom - Self.plot.top) * value / top)
  }

  private func tenths(_ value: Double) -> Double { (value * 10).rounded() / 10 }
}
