import NBDKit
import StreamIO

extension Report {
  /// One object, one line; the schema is in the manual page.
  var json: String {
    """
    {"outcome": "\(outcome.rawValue)", "bytes": \(bytes), "zero_bytes": \(zeroBytes), \
    "size": \(size.map { "\($0)" } ?? "null"), "seconds": \(milliseconds), \
    "error": \(error.map(Self.quoted) ?? "null")}

    """
  }

  /// Refuses a file that could not be written at the end, and removes the report of an earlier
  /// stream: if this one is killed, nobody shall take that for its own.
  static func prepare(_ path: String?) throws(PluginError) {
    guard let path else { return }
    do {
      try AtomicFile.check(path)
      try AtomicFile.remove(path)
    } catch {
      throw PluginError(error, of: "report=\(path)")
    }
  }

  func write(to path: String?) throws(PluginError) {
    guard let path else { return }
    do { try AtomicFile.write(json, to: path) } catch {
      throw PluginError(error, of: "report=\(path)")
    }
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
