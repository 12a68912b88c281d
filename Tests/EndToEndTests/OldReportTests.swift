import Foundation
import Glibc
import Testing

/// `nbdkit ... | reader && jq ... report` takes what stands there for this run's.
@Suite("An earlier run's report", .endToEnd, .requires("nbdkit"))
struct OldReportTests {
  private static let old = #"{"version": 1, "outcome": "complete"}"#

  /// Where an earlier report stands, runs nbdkit to its end.
  private func run(
    _ parameters: [String], options: [String] = [], run script: String? = nil
  ) async throws -> (status: Child.Status, report: String) {
    let sandbox = try Sandbox.current()
    let report = sandbox.path("report")
    try Data(Self.old.utf8).write(to: URL(filePath: report))
    let child = try await sandbox.start(
      ["nbdkit", "-f", "-U", script == nil ? sandbox.path("socket") : "-"] + options
        + [try Plugin.path()] + parameters.map { $0 == "report" ? "report=\(report)" : $0 }
        + (script.map { ["--run", $0] } ?? []))
    return (try await child.exit(), report)
  }

  @Test(
    "is removed if nbdkit does not start",
    arguments: [
      ["pipe=/dev/null", "report", "size="], ["report", "pipe=/dev/null", "size=x"],
      ["report"], ["report", "pipe=/dev/null", "nonsense=1"], ["pipe=/nowhere/fifo", "report"],
      ["pipe=/etc/passwd", "report"], ["write-command=cat", "report"],
    ])
  func notStarted(parameters: [String]) async throws {
    let (status, report) = try await run(parameters)
    #expect(status == .exited(1))
    #expect(access(report, F_OK) == -1)
  }

  @Test("is removed if nbdkit can't listen")
  func notListening() async throws {
    let sandbox = try Sandbox.current()
    try Data().write(to: URL(filePath: sandbox.path("socket")))
    let (status, report) = try await run(["pipe=/dev/null", "size=1M", "report"])
    #expect(status == .exited(1))
    #expect(access(report, F_OK) == -1)
  }

  @Test("is replaced if the client does not start, or fails", arguments: ["false", "/nowhere"])
  func clientFails(script: String) async throws {
    let (status, report) = try await run(
      ["pipe=/dev/null", "size=1M", "report"], run: "\(script) 2>/dev/null")
    #expect(status != .exited(0))
    #expect(try Report(report).outcome == "short")
  }

  @Test("is replaced if every client was refused, by one that says why")
  func refusedClient() async throws {
    let sandbox = try Sandbox.current()
    let (status, report) = try await run(
      ["write-command=true", "size=1M", "report"], options: ["-r"],
      run: "\(Client.python) -c 'import nbd, sys; nbd.NBD().connect_uri(sys.argv[1])' \"$uri\""
        + " 2>'\(sandbox.path("errors"))'")
    #expect(status != .exited(0))
    let found = try Report(report)
    #expect(found.outcome == "failed")
    #expect(found.error?.contains("start nbdkit without -r") == true)
  }
}
