import Foundation
import Glibc
import Testing

@Suite("report=", .endToEnd)
struct ReportTests {
  @Test("tells the whole story of a complete stream", .requires("nbdkit", "python3-libnbd"))
  func complete() async throws {
    let sandbox = try Sandbox.current()
    let report = sandbox.path("report")
    let nbdkit = try await stream(to: report)
    #expect(access(report, F_OK) == -1, "nothing is there before the end")
    try await nbdkit.stop()
    var found = try Report(report)
    #expect(found.seconds >= 0 && found.seconds < 90)
    found.seconds = 0
    var expected = Report(
      outcome: "complete", bytes: 1.mib, zeroBytes: 1.mib - 8192 - 512, size: 1.mib)
    expected.largestReorder = 512
    expected.outputBytes = 1.mib
    #expect(found == expected)
    #expect(nbdkit.errorLines == [])
  }

  @Test("has these keys and no others", .requires("nbdkit", "python3-libnbd"))
  func keys() async throws {
    let report = try Sandbox.current().path("report")
    try await stream(to: report).stop()
    let object = try JSONSerialization.jsonObject(with: contents(report)) as? [String: Any]
    #expect(
      object?.keys.sorted() == [
        "bytes", "compression", "digest", "direction", "disk_digest", "error", "exit_status",
        "format", "largest_reorder", "missing_bytes", "outcome", "output_bytes",
        "refused_requests", "seconds", "size", "version", "zero_bytes",
      ])
    #expect(object?["error"] is NSNull)
    #expect(text(of: report).hasSuffix("}\n"))
  }

  @Test(
    "is put in its place as a whole, and nobody ever sees half of it",
    .requires("nbdkit", "python3-libnbd", "strace"))
  func atomic() async throws {
    let sandbox = try Sandbox.current()
    let directory = sandbox.path("reports")
    #expect(mkdir(directory, 0o700) == 0)
    let report = "\(directory)/report"
    try Data(#"{"outcome": "failed", "of": "an earlier stream"}"#.utf8).write(
      to: URL(filePath: report))
    let trace = sandbox.path("trace")
    let nbdkit = try await stream(
      to: report, under: ["strace", "-f", "-o", trace, "-e", "trace=file"])
    #expect(access(report, F_OK) == -1, "an earlier report is not left to be taken for this one")
    try await nbdkit.stop()
    #expect(try Report(report).outcome == "complete")
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["report"])
    let calls = text(of: trace).split(separator: "\n").filter { $0.contains("\"\(report)\"") }
    #expect(calls.contains { $0.contains("rename") })
    #expect(!calls.contains { $0.contains("O_WRONLY") || $0.contains("O_RDWR") })
  }

  /// 1 MiB with a hole, all of it written.
  private func stream(to report: String, under prefix: [String] = []) async throws -> Nbdkit {
    let sandbox = try Sandbox.current()
    let fifo = try sandbox.fifo()
    let nbdkit = try await sandbox.nbdkit(
      "pipe=\(fifo)", "size=1M", "report=\(report)", under: prefix)
    try await sandbox.reader(of: fifo)
    let client = try await nbdkit.connect()
    #expect(try await client.ask("write 0 8192") == "ok")
    #expect(try await client.ask("write \(1.mib - 512) 512") == "ok")
    #expect(try await client.ask("zero 8192 \(1.mib - 8192 - 512)") == "ok")
    #expect(try await client.ask("disconnect") == "ok")
    return nbdkit
  }
}
