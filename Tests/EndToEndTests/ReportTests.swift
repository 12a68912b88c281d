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
    #expect(
      found
        == Report(outcome: "complete", bytes: 1.mib, zeroBytes: 1.mib - 8192 - 512, size: 1.mib))
    #expect(nbdkit.errorLines == [])
  }

  @Test("has these keys and no others", .requires("nbdkit", "python3-libnbd"))
  func keys() async throws {
    let report = try Sandbox.current().path("report")
    try await stream(to: report).stop()
    let object = try JSONSerialization.jsonObject(with: contents(report)) as? [String: Any]
    #expect(
      object?.keys.sorted() == ["bytes", "error", "outcome", "seconds", "size", "zero_bytes"])
    #expect(object?["error"] is NSNull)
    #expect(text(of: report).hasSuffix("}\n"))
  }

  @Test(
    "replaces a file as a whole: whoever has the old one open never sees half of the new",
    .requires("nbdkit", "python3-libnbd"))
  func atomic() async throws {
    let sandbox = try Sandbox.current()
    let directory = sandbox.path("reports")
    #expect(mkdir(directory, 0o700) == 0)
    let report = "\(directory)/report"
    try Data("old".utf8).write(to: URL(filePath: report))
    #expect(link(report, sandbox.path("old")) == 0)
    try await stream(to: report).stop()
    #expect(try Report(report).outcome == "complete")
    #expect(text(of: sandbox.path("old")) == "old")
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["report"])
  }

  /// 1 MiB with a hole, all of it written.
  private func stream(to report: String) async throws -> Nbdkit {
    let sandbox = try Sandbox.current()
    let fifo = try sandbox.fifo()
    let nbdkit = try await sandbox.nbdkit("pipe=\(fifo)", "size=1M", "report=\(report)")
    try await sandbox.reader(of: fifo)
    let client = try await nbdkit.connect()
    #expect(try await client.ask("write 0 8192") == "ok")
    #expect(try await client.ask("zero 8192 4096") == "ok")
    #expect(try await client.ask("write \(1.mib - 512) 512") == "ok")
    #expect(try await client.ask("disconnect") == "ok")
    return nbdkit
  }
}
