/// A size as people write it: digits and a letter for a power of 1024.
struct Size: Equatable {
  let bytes: UInt64

  init?(_ text: String) {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    guard let number = UInt64(digits) else { return nil }
    let unit: UInt64? =
      switch text.dropFirst(digits.count).lowercased() {
      case "", "b": 1
      case "k": 1 << 10
      case "m": 1 << 20
      case "g": 1 << 30
      case "t": 1 << 40
      case "p": 1 << 50
      default: nil
      }
    guard let unit else { return nil }
    let (bytes, overflow) = number.multipliedReportingOverflow(by: unit)
    guard !overflow, bytes > 0, bytes <= UInt64(Int64.max) else { return nil }
    self.bytes = bytes
  }
}

/// `7.2 GiB`, at most eight characters.
func human(_ bytes: UInt64) -> String {
  let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
  var value = Double(bytes)
  var unit = 0
  while value >= 999.5, unit + 1 < units.count {
    value /= 1024
    unit += 1
  }
  guard unit > 0, value < 99.95 else { return "\(Int(value.rounded())) \(units[unit])" }
  let tenths = Int((value * 10).rounded())
  return tenths % 10 == 0
    ? "\(tenths / 10) \(units[unit])" : "\(tenths / 10).\(tenths % 10) \(units[unit])"
}

/// `3.2 s`, `4:07` or `1:02:03`.
func human(_ time: Duration) -> String {
  let milliseconds = max(0, time / .milliseconds(1))
  let tenths = Int((milliseconds / 100).rounded())
  guard tenths >= 600 else { return "\(tenths / 10).\(tenths % 10) s" }
  let seconds = tenths / 10
  func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
  return seconds < 3600
    ? "\(seconds / 60):\(two(seconds % 60))"
    : "\(seconds / 3600):\(two(seconds / 60 % 60)):\(two(seconds % 60))"
}

/// One word for a shell, quoted if it must be.
func quoted(_ word: String) -> String {
  let isPlain = word.unicodeScalars.allSatisfy { scalar in
    scalar.isASCII
      && (scalar.properties.isAlphabetic || "0123456789-_=./:,+@%".unicodeScalars.contains(scalar))
  }
  guard !isPlain || word.isEmpty else { return word }
  return "'"
    + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
}
