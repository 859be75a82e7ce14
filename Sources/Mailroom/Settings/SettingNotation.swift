/// How the values of a setting are written: a way to read a text, and the way back.
struct SettingNotation<Value>: Sendable {
  /// What a number without a suffix counts, for people.
  let unit: String
  /// What a text must be, as the end of "expected …".
  let expectation: String
  /// The value that a text says; nil when it says none that is allowed, which is not a value that is nil.
  let read: @Sendable (String) -> Value?
  /// A text that reads back as the value.
  let write: @Sendable (Value) -> String
}

extension SettingNotation where Value: Sendable {
  /// The same notation for a setting that nothing may have set.
  var orUnset: SettingNotation<Value?> {
    let (read, write) = (read, write)
    return SettingNotation<Value?>(
      unit: unit, expectation: expectation, read: { text in read(text).map { $0 } },
      write: { value in value.map(write) ?? "unset" })
  }
}

extension SettingNotation<Duration> {
  /// Durations of `least` and more, numbers in `unit`.
  static func duration(_ unit: DurationNotation.Unit, least: Duration = .microseconds(1)) -> Self {
    Self(
      unit: unit.rawValue,
      expectation: """
        a duration of \(least == .zero ? "0" : DurationNotation.text(least)) to 106751d: a whole number and us, ms, s, m, \
        min, h or d, \(unit.rawValue) when it has none
        """,
      read: { text in DurationNotation.duration(text, unit: unit).flatMap { $0 >= least ? $0 : nil } },
      write: DurationNotation.text)
  }
}

extension SettingNotation<Duration?> {
  /// Durations, numbers in `unit`, or that there is none.
  static func durationOrOff(_ unit: DurationNotation.Unit) -> Self {
    let duration = SettingNotation<Duration>.duration(unit, least: .zero)
    return Self(
      unit: unit.rawValue, expectation: "off, 0, or " + duration.expectation,
      read: { text in
        if SuffixedNumber.trimmed(text).lowercased() == "off" { return .some(nil) }
        return duration.read(text).map { $0 == .zero ? nil : $0 }
      },
      write: { value in value.map(duration.write) ?? "off" })
  }
}

extension SettingNotation<UInt32?> {
  /// Whole seconds that the kernel takes as the time before it probes a peer, or that it does not.
  static var probeSecondsOrOff: Self {
    let duration = SettingNotation<Duration?>.durationOrOff(.second)
    return Self(
      unit: duration.unit, expectation: "off, 0, or whole seconds of 1s to 32767s",
      read: { text in
        guard let value = duration.read(text) else { return nil }
        guard let value else { return .some(nil) }
        let (seconds, attoseconds) = value.components
        guard attoseconds == 0, (1...32_767).contains(seconds) else { return nil }
        return .some(UInt32(seconds))
      },
      write: { value in value.map { "\($0)s" } ?? "off" })
  }
}

extension SettingNotation<Int> {
  /// Whole numbers in `range`.
  static func count(_ range: ClosedRange<Int>) -> Self {
    Self(
      unit: "number", expectation: "a whole number of \(range.lowerBound) to \(range.upperBound)",
      read: { text in
        guard let parts = SuffixedNumber(text), parts.suffix.isEmpty else { return nil }
        return Int(exactly: parts.number).flatMap { range.contains($0) ? $0 : nil }
      },
      write: { "\($0)" })
  }

  /// Sizes in `range`, numbers in `unit`.
  static func size(_ unit: SizeNotation.Unit, _ range: ClosedRange<Int>) -> Self {
    Self(
      unit: unit.name,
      expectation: """
        a size of \(SizeNotation.text(range.lowerBound)) to \(SizeNotation.text(range.upperBound)): a whole number and b, k, \
        m, g, t or p, \(unit.name) when it has none
        """,
      read: { text in SizeNotation.bytes(text, unit: unit).flatMap { range.contains($0) ? $0 : nil } },
      write: SizeNotation.text)
  }
}

extension SettingNotation<[Int]?> {
  /// Numbers of processors, or that any will do.
  static var processorsOrAny: Self {
    let number = SettingNotation<Int>.count(0...65_535)
    return Self(
      unit: "numbers", expectation: "any, or whole numbers of 0 to 65535 with commas between them",
      read: { text in
        if SuffixedNumber.trimmed(text).lowercased() == "any" { return .some(nil) }
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { number.read(String($0)) }
        return numbers.count == parts.count ? .some(numbers) : nil
      },
      write: { value in value.map { $0.map { "\($0)" }.joined(separator: ",") } ?? "any" })
  }
}

extension SettingNotation<Int32> {
  /// Whole numbers above zero, or -1 for `standard`.
  static func count(orMinusOneFor standard: Int32) -> Self {
    let count = SettingNotation<Int>.count(1...Int(Int32.max))
    return Self(
      unit: count.unit, expectation: "-1, or " + count.expectation,
      read: { text in
        SuffixedNumber.trimmed(text) == "-1" ? standard : count.read(text).flatMap { Int32(exactly: $0) }
      },
      write: { count.write(Int($0)) })
  }
}

extension SettingNotation<Bool> {
  /// Yes or no.
  static var flag: Self {
    Self(
      unit: "true or false", expectation: "true or false",
      read: { text in Bool(SuffixedNumber.trimmed(text).lowercased()) },
      write: { "\($0)" })
  }
}
