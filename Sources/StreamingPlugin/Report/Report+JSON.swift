import StreamFormats
import StreamIO

extension Report {
  /// What every report begins with.
  static let beginning = "{\"version\": "
  /// The beginning of reports of the plugin's first version, which had no version number.
  static let beginningBeforeVersions = "{\"outcome\": \""

  /// One object, one line; the schema is in the manual page.
  var json: String {
    // A digest of a part says nothing.
    let digests = outcome == .failed ? (output: nil, disk: nil) : digests
    return """
      \(Self.beginning)1, "outcome": "\(outcome.rawValue)", "direction": "\(direction.rawValue)", \
      "size": \(Self.orNull(size)), "bytes": \(bytes), "missing_bytes": \(missingBytes), \
      "zero_bytes": \(zeroBytes), "refused_requests": \(refusedRequests), \
      "format": "\(format.rawValue)", "compression": \(Self.orNull(compression?.rawValue)), \
      "output_bytes": \(outputBytes), "digest": \(Self.orNull(digests.output)), \
      "disk_digest": \(Self.orNull(digests.disk)), "seconds": \(milliseconds), \
      "largest_reorder": \(largestReorder), "exit_status": \(Self.orNull(exitStatus)), \
      "error": \(Self.orNull(error))}

      """
  }

  private static func orNull(_ number: (some BinaryInteger)?) -> String {
    number.map { "\($0)" } ?? "null"
  }

  private static func orNull(_ text: String?) -> String {
    text.map(quoted) ?? "null"
  }

  /// Seconds with three decimals, in a form that no locale changes.
  private var milliseconds: String {
    let count = UInt64(clamping: seconds * 1000)
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
