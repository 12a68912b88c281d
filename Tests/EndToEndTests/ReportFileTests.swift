import Foundation
import Glibc
import Testing

@Suite("The report's file", .endToEnd, .requires("nbdkit", "python3-libnbd"))
struct ReportFileTests {
  @Test("does not exist after nbdkit was killed, not even an earlier one")
  func killed() async throws {
    let sandbox = try Sandbox.current()
    let report = sandbox.path("report")
    try Data(#"{"outcome": "complete"}"#.utf8).write(to: URL(filePath: report))
    let nbdkit = try await sandbox.nbdkit("pipe=/dev/null", "size=64K", "report=\(report)")
    let client = try await nbdkit.connect()
    #expect(try await client.ask("write 0 65536") == "ok")
    try nbdkit.signal(SIGKILL)
    try await nbdkit.child.exit()
    #expect(access(report, F_OK) == -1)
  }

  @Test(
    "is valid JSON whatever is in the names it quotes",
    arguments: [
      #"a "quoted" name"#, #"back\slash"#, "line\nbreak\ttab", "\u{1}\u{7F}", "é💾\u{2028}",
    ])
  func names(_ name: String) async throws {
    let sandbox = try Sandbox.current()
    let fifo = try sandbox.fifo(name)
    let report = sandbox.path("report of \(name)")
    let nbdkit = try await sandbox.nbdkit("pipe=\(fifo)", "report=\(report)")
    // A reader that is there for a moment only.
    let reader = try await sandbox.start(["head", "-c", "1", fifo])
    let client = try await nbdkit.connect()
    #expect(try await client.ask("write 0 \(8.mib)") == "EIO")
    #expect(try await client.ask("disconnect") == "ok")
    try await reader.exit()
    try await nbdkit.stop()
    let found = try Report(report)
    #expect(found.outcome == "failed")
    #expect(found.error?.contains("pipe=\(fifo)") == true)
  }

  @Test("is missed with an error line, if it can't be written at the end")
  func missed() async throws {
    let sandbox = try Sandbox.current()
    let directory = sandbox.path("gone")
    #expect(mkdir(directory, 0o700) == 0)
    let nbdkit = try await sandbox.nbdkit("pipe=/dev/null", "report=\(directory)/report")
    try await sandbox.succeed("rm", "-r", directory)
    try await nbdkit.stop()
    #expect(nbdkit.errorLines.contains { $0.hasPrefix("report=\(directory)/report: ") })
  }

  @Test("is missed with an error line, too, if files may not grow")
  func limited() async throws {
    let sandbox = try Sandbox.current()
    let report = sandbox.path("report")
    let child = try await sandbox.run(
      "bash", "-c",
      """
      (ulimit -f 0; nbdkit -U - '\(try Plugin.path())' pipe=/dev/null report='\(report)' --run true
       echo "status $?") 2>&1 | cat
      """)
    #expect(child.output.contains("report=\(report): can't be written: File too large"))
    #expect(child.output.contains("status 0"))
    #expect(access(report, F_OK) == -1)
  }

  @Test(
    "that the user of -u may not write is an error line and a refused connection",
    .requires("root"))
  func otherUser() async throws {
    let sandbox = try Sandbox.current()
    let directory = sandbox.path("ours")
    try await sandbox.succeed("install", "-d", "-m", "755", directory)
    let nbdkit = try await sandbox.nbdkit(
      "pipe=/dev/null", "report=\(directory)/report", options: ["-u", "nobody"])
    let client = try await nbdkit.client()
    #expect(try await client.ask("connect") == "refused")
    #expect(nbdkit.errorLines.contains { $0.hasPrefix("report=\(directory)/report: ") })
    try await client.die()
    try await nbdkit.stop()
  }
}
