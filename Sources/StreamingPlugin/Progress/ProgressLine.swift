import StreamIO

/// How far a stream is, in one line for people.
struct ProgressLine {
  /// Bytes that went through.
  var bytes: UInt64
  /// Bytes of output that they became, if that is another number.
  var output: UInt64?
  /// The number of bytes that will go through in all, if that is known.
  var size: UInt64?
  /// Bytes per second, recently, once that is known.
  var rate: Double?
  /// Who is mostly waited for, if anybody.
  var waitingFor: String?

  /// The line in at most this many columns. If that is narrow, the less important parts are left
  /// out.
  func text(columns: Int) -> String {
    var parts: [(text: String, worth: Int)] = [("streaming:", 1)]
    parts.append((size.map { "\(bytes.written) of \($0.written)" } ?? bytes.written, 6))
    if let output { parts.append(("\(output.written) out", 3)) }
    if let size { parts.append(("\(share(of: size)) %", 5)) }
    if let rate { parts.append(("\(UInt64(clamping: rate).written)/s", 4)) }
    if let left = secondsLeft { parts.append(("\(left) left", 3)) }
    if let waitingFor { parts.append(("waiting for the \(waitingFor)", 2)) }
    while parts.count > 1, Self.joined(parts.map(\.text)).utf8.count > columns,
      let least = parts.indices.min(by: { parts[$0].worth < parts[$1].worth })
    {
      parts.remove(at: least)
    }
    return String(Self.joined(parts.map(\.text)).prefix(columns))
  }

  /// One JSON object, after this many seconds.
  func json(after seconds: Double) -> String {
    let tenths = UInt64(clamping: seconds * 10)
    let output = output ?? bytes
    return """
      {"bytes": \(bytes), "size": \(size.map { "\($0)" } ?? "null"), "output_bytes": \(output), \
      "seconds": \(tenths / 10).\(tenths % 10), \
      "waiting_for": \(waitingFor.map { "\"\($0)\"" } ?? "null")}
      """
  }

  /// The parts with commas between them, but none after the colon.
  private static func joined(_ parts: [String]) -> String {
    parts.joined(separator: ", ").replacing("streaming:, ", with: "streaming: ", maxReplacements: 1)
  }

  private func share(of size: UInt64) -> UInt64 {
    // This avoids a product of two large numbers.
    size < 100 ? min(bytes, size) * 100 / max(size, 1) : min(100, bytes / (size / 100))
  }

  /// Hours, minutes and seconds until the end at this rate; `nil` if that says nothing.
  private var secondsLeft: String? {
    guard let size, size > bytes, let rate, rate >= 1 else { return nil }
    let seconds = Double(size - bytes) / rate
    guard seconds < 100 * 3600 else { return nil }
    return UInt64(clamping: seconds.rounded(.up)).asTime
  }
}

extension ProgressLine {
  /// What is said at the end, as lines of at most this many columns.
  static func totals(of report: Report, columns: Int) -> [String] {
    let rate = report.seconds > 0 ? Double(report.bytes) / report.seconds : 0
    let time = UInt64(clamping: report.seconds.rounded(.up)).asTime
    var parts = ["streaming: \(report.bytes.written) in \(time)"]
    if rate >= 1 { parts.append("\(UInt64(clamping: rate).written)/s") }
    if report.direction == .write {
      parts.append("\(report.zeroBytes.written) of them zeroes")
      parts.append("largest reorder \(report.largestReorder.written)")
    }
    var lines: [String] = []
    for part in parts {
      if let last = lines.last, last.utf8.count + 2 + part.utf8.count < columns {
        lines[lines.count - 1] = "\(last), \(part)"
      } else {
        if let last = lines.popLast() { lines.append(last + ",") }
        lines.append(part)
      }
    }
    return lines
  }
}

extension UInt64 {
  /// The nearest number: 0 for what is negative or not a number, the largest for what is more.
  init(clamping value: Double) {
    self = value > 0 ? UInt64(exactly: value.rounded(.down)) ?? .max : 0
  }

  /// The number with a binary unit and three digits.
  var written: String {
    guard self >= 1024 else { return "\(self) B" }
    var units = ["KiB", "MiB", "GiB", "TiB", "PiB"][...]
    var value = Double(self) / 1024
    while value >= 1023.5, units.count > 1 {
      value /= 1024
      units.removeFirst()
    }
    return "\(value.threeDigits) \(units.first ?? "")"
  }

  /// Seconds as hours, minutes and seconds.
  fileprivate var asTime: String {
    func two(_ number: UInt64) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let minutes = self / 60
    return minutes < 60
      ? "\(minutes):\(two(self % 60))" : "\(minutes / 60):\(two(minutes % 60)):\(two(self % 60))"
  }
}

extension Double {
  /// Three digits of a number below 10,000 and not below 1, in a form that no locale changes.
  fileprivate var threeDigits: String {
    let decimals = self < 9.995 ? 2 : self < 99.95 ? 1 : 0
    let scale: UInt64 = [1, 10, 100][decimals]
    let scaled = UInt64(clamping: (self * Double(scale)).rounded())
    guard decimals > 0 else { return "\(scaled)" }
    let fraction = "\(scaled % scale)"
    return
      "\(scaled / scale).\(String(repeating: "0", count: decimals - fraction.count))\(fraction)"
  }
}
