import Foundation

/// The manual page's source.
enum ManualPage {
  static func text() throws -> String {
    try String(contentsOfFile: "\(packageRoot)/docs/nbdkit-streaming-plugin.pod", encoding: .utf8)
  }

  /// The titles of its list items, in POD.
  static var items: [Substring] {
    get throws {
      try text().split(separator: "\n").compactMap { $0.wholeMatch(of: /=item (.+)/)?.1 }
    }
  }

  /// The JSON schema of the report.
  static func reportSchema() throws -> String {
    let paragraphs = try text().components(separatedBy: "\n\n")
    guard let schema = paragraphs.first(where: { $0.hasPrefix(" ") && $0.contains("$schema") })
    else { throw Sandbox.Missing(description: "the manual page has no schema of the report") }
    return schema
  }
}
