import Foundation
import Testing

@Suite("docs/RELIABILITY.md")
struct ReliabilityPageTests {
  @Test("names tests that exist, in every row")
  func tests() throws {
    let faults = try rows()
    #expect(faults.count > 30)
    for row in faults {
      let names = row.matches(of: /`(\w+)\.(\w+)\/(\w+)`/).map { ($0.1, $0.2, $0.3) }
      #expect(!names.isEmpty, "\(row)")
      for (target, suite, function) in names {
        #expect(
          try sources(of: target).contains {
            $0.contains("struct \(suite) ") && $0.contains("func \(function)(")
          }, "\(target).\(suite)/\(function)")
      }
    }
  }

  /// The rows of the tables, without their heads and the headings in them.
  private func rows() throws -> [Substring] {
    text(of: "\(packageRoot)/docs/RELIABILITY.md").split(separator: "\n")
      .filter { $0.hasPrefix("| ") && !$0.hasPrefix("| **") && !$0.hasPrefix("| ---") }
      .filter { !$0.hasSuffix("| shown by |") }
  }

  private func sources(of target: Substring) throws -> [String] {
    let directory = "\(packageRoot)/Tests/\(target)"
    return try FileManager.default.contentsOfDirectory(atPath: directory)
      .filter { $0.hasSuffix("Tests.swift") }.map { text(of: "\(directory)/\($0)") }
  }
}
