import StreamIO

extension Report {
  /// What every report begins with.
  static let beginning = "{\"outcome\": \""

  /// One object, one line; the schema is in the manual page.
  var json: String {
    """
    \(Self.beginning)\(outcome.rawValue)", "direction": "\(direction.rawValue)", \
    "bytes": \(bytes), "zero_bytes": \(zeroBytes), \
    "size": \(size.map { "\($0)" } ?? "null"), "seconds": \(milliseconds), \
    "largest_disorder": \(largestReorder), \
    "exit_status": \(exitStatus.map { "\($0)" } ?? "null"), \
    "error": \(error.map(Self.quoted) ?? "null")}

    """
  }

  /// Seconds with three decimals, in a form that no locale changes.
  private var milliseconds: String {
    let count = UInt64(max(0, seconds) * 1000)
    let fraction = "\(count % 1000)"
    return "\(count / 1000).\(String(repeating: "0", count: 3 - fraction.count))\(fraction)"
  }

  private static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": quoted += "\\\(scalar)"
      case _ where scalar.value < 0x20:
        let hex = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}
