import Foundation
import Testing

@Suite(
  "The manual page's schema", .endToEnd,
  .requires("nbdkit", "python3-libnbd", "python3-jsonschema"))
struct ReportSchemaTests {
  struct Story: Sendable, CustomTestStringConvertible {
    let outcome: String
    var parameters: [String] = []
    let steps: [String]
    var testDescription: String { outcome }
  }

  @Test(
    "is that of every report",
    arguments: [
      Story(outcome: "complete", parameters: ["size=64K"], steps: ["write 0 65536"]),
      Story(outcome: "short", parameters: ["size=128K"], steps: ["write 0 65536"]),
      Story(outcome: "unknown", steps: ["write 0 65536"]),
      Story(outcome: "unknown", steps: []),
      Story(
        outcome: "failed", parameters: ["size=64K"], steps: ["write 0 16384", "write 512 512"]),
      Story(outcome: "failed", steps: ["write 0 16384", "write 512 512"]),
    ])
  func followed(_ story: Story) async throws {
    let sandbox = try Sandbox.current()
    let report = sandbox.path("report")
    let nbdkit = try await sandbox.nbdkit(
      ["pipe=/dev/null", "report=\(report)"] + story.parameters)
    let client = try await nbdkit.connect()
    for step in story.steps { _ = try await client.ask(step) }
    _ = try await client.ask("disconnect")
    try await nbdkit.stop()

    #expect(try Report(report).outcome == story.outcome)
    let validation = try await validate(report)
    #expect(validation == .exited(0))
  }

  private static let valid =
    #"{"version":1,"outcome":"short","direction":"write","size":1,"bytes":1,"missing_bytes":0,"#
    + #""zero_bytes":0,"refused_requests":0,"format":"raw","compression":null,"output_bytes":1,"#
    + #""digest":null,"disk_digest":null,"seconds":0.1,"largest_reorder":0,"exit_status":null,"#
    + #""error":null}"#

  @Test(
    "is that of nothing else",
    arguments: [
      "", "{}", "[]", #"{"outcome": "complete"}"#,
      valid.replacing(#""short""#, with: #""done""#),
      valid.replacing(#""version":1"#, with: #""version":2"#),
      valid.replacing(#""bytes":1"#, with: #""bytes":-1"#),
      valid.replacing(#""seconds":0.1"#, with: #""seconds":"0.1""#),
    ])
  func strict(_ text: String) async throws {
    let file = try Sandbox.current().path("other")
    try Data(text.utf8).write(to: URL(filePath: file))
    #expect(try await validate(file) == .exited(1))
  }

  @Test("is that of a report with keys to come")
  func more() async throws {
    let file = try Sandbox.current().path("other")
    let text = Self.valid.replacing("}", with: #","more":1}"#)
    try Data(text.utf8).write(to: URL(filePath: file))
    #expect(try await validate(file) == .exited(0))
  }

  private func validate(_ report: String) async throws -> Child.Status {
    let sandbox = try Sandbox.current()
    let schema = sandbox.path("schema")
    try Data(try ManualPage.reportSchema().utf8).write(to: URL(filePath: schema))
    let script = """
      import json, jsonschema, sys
      report, schema = (json.load(open(name)) for name in sys.argv[1:])
      jsonschema.Draft202012Validator.check_schema(schema)
      jsonschema.validate(report, schema)
      """
    return try await sandbox.run(Client.python, "-c", script, report, schema).exit()
  }
}
