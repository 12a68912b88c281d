import Foundation
import StreamIO
import Testing

@testable import StreamingPlugin

@Suite("The report is one line of JSON")
struct ReportJSONTests {
  private func object(of report: Report) throws -> [String: Any] {
    let json = report.json
    #expect(json.hasSuffix("}\n"))
    #expect(json.split(separator: "\n").count == 1)
    let parsed = try JSONSerialization.jsonObject(with: Data(json.utf8))
    return try #require(parsed as? [String: Any])
  }

  @Test("It has every field, and null where there is nothing to say")
  func fields() throws {
    var report = Report(.write, size: nil)
    report.count(sent: 12, output: 13, zeroes: 5)
    let object = try object(of: report)
    #expect(
      object.keys.sorted() == [
        "bytes", "compression", "digest", "direction", "disk_digest", "error", "exit_status",
        "format", "largest_reorder", "missing_bytes", "outcome", "output_bytes",
        "refused_requests", "seconds", "size", "version", "zero_bytes",
      ])
    #expect(object["outcome"] as? String == "unknown")
    #expect(object["version"] as? Int == 1)
    #expect(report.json.hasPrefix(Report.beginning + "1,"))
    #expect(object["bytes"] as? UInt64 == 12)
    #expect(object["output_bytes"] as? UInt64 == 13)
    #expect(object["format"] as? String == "raw")
    #expect(object["zero_bytes"] as? UInt64 == 5)
    #expect(object["size"] is NSNull)
    #expect(object["error"] is NSNull)
    #expect(object["exit_status"] is NSNull)
  }

  @Test("Numbers are exact to the last byte")
  func largeNumbers() throws {
    var report = Report(.write, size: Parameters.defaultSize - 1)
    report.count(
      sent: Parameters.defaultSize - 1, output: Parameters.defaultSize - 1,
      zeroes: Parameters.defaultSize - 2)
    report.conclude(Coverage())
    let object = try object(of: report)
    #expect(object["outcome"] as? String == "complete")
    #expect(object["size"] as? UInt64 == Parameters.defaultSize - 1)
    #expect(object["bytes"] as? UInt64 == Parameters.defaultSize - 1)
    #expect(object["zero_bytes"] as? UInt64 == Parameters.defaultSize - 2)
  }

  @Test(
    "Any text survives in it",
    arguments: [
      "plain", "", "\"quoted\"", #"back\slash"#, "tab\tline\nreturn\r", "\u{0}\u{1}\u{1F}\u{7F}",
      "größe 流 🌊", "\u{2028}\u{2029}", "e\u{301}", "</script>", "\"\u{301}\\\u{301}",
    ])
  func text(_ text: String) throws {
    var report = Report(.write, size: 1)
    report.fail(text)
    let error = try object(of: report)["error"] as? String
    #expect(error.map { Array($0.unicodeScalars) } == Array(text.unicodeScalars))
  }

  @Test(
    "Seconds have three decimals, cut and not rounded",
    arguments: [
      (0, "0.000"), (0.0009, "0.000"), (0.001, "0.001"), (0.0999, "0.099"), (1.5, "1.500"),
      (59.9999, "59.999"), (86_400, "86400.000"), (-1, "0.000"),
    ] as [(Double, String)])
  func seconds(value: Double, text: String) throws {
    var report = Report(.write, size: nil)
    report.seconds = value
    #expect(report.json.contains("\"seconds\": \(text),"))
    #expect(try object(of: report)["seconds"] as? Double == Double(text))
  }
}
