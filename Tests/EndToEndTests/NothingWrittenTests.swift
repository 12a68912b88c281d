import Glibc
import Testing

@Suite("The reader sees the end of file", .endToEnd)
struct NothingWrittenTests {
  @Test("when nothing is ever written", .requires("nbdkit"))
  func noClient() async throws {
    let sandbox = try Sandbox.current()
    let fifo = try sandbox.fifo()
    let report = sandbox.path("report")
    let reader = try await sandbox.reader(of: fifo)
    let nbdkit = try await sandbox.nbdkit("pipe=\(fifo)", "report=\(report)", run: "sleep 0.3")
    #expect(try await nbdkit.exit() == .exited(0))
    try await reader.end()
    expectContent(of: reader.file)
    let outcome = try Report(report)
    #expect(outcome.outcome == "unknown")
    #expect(outcome.bytes == 0)
  }

  @Test(
    "but nobody is waited for who could have the end of an empty stream", .requires("nbdkit"),
    arguments: ["", "compress=zstd", "compress=gzip"])
  func noReader(encoding: String) async throws {
    let sandbox = try Sandbox.current()
    let report = sandbox.path("report")
    let nbdkit = try await sandbox.nbdkit(
      ["pipe=\(try sandbox.fifo())", "report=\(report)"] + (encoding.isEmpty ? [] : [encoding]),
      run: "true")
    #expect(try await nbdkit.exit(within: .atOnce) == .exited(0))
    #expect(try Report(report).outcome == "unknown")
  }

  @Test("when a client only looks", .requires("nbdkit", "python3-libnbd"))
  func onlyReads() async throws {
    let sandbox = try Sandbox.current()
    let (nbdkit, reader, _) = try await sandbox.stream()
    let client = try await nbdkit.connect()
    #expect(try await client.ask("read 0 4096") == "zeroes")
    #expect(try await client.ask("trim 0 4096") == "ok")
    #expect(try await client.ask("disconnect") == "ok")
    try await nbdkit.stop()
    try await reader.end()
    expectContent(of: reader.file)
  }

  @Test(
    "after what was held back, when only the first bytes were written",
    .requires("nbdkit", "python3-libnbd"))
  func firstBytes() async throws {
    let sandbox = try Sandbox.current()
    let (nbdkit, reader, _) = try await sandbox.stream()
    let client = try await nbdkit.connect()
    #expect(try await client.ask("write 0 512") == "ok")
    #expect(try await client.ask("disconnect") == "ok")
    try await nbdkit.stop()
    try await reader.end()
    expectContent(of: reader.file, .data(512))
  }

  /// nbdkit is held up where it removes the FIFO it made: one closed before would keep them
  /// waiting.
  @Test(
    "when it opens the plugin's own FIFO at the last moment; a writer finds a reader then",
    .requires("nbdkit", "strace"), arguments: ["pipe": "exec <", "read": "exec >"])
  func lastMoment(parameter: String, opening: String) async throws {
    let sandbox = try Sandbox.current()
    let fifo = sandbox.path("fifo")
    let trace = sandbox.path("strace")
    let nbdkit = try await sandbox.nbdkit(
      "\(parameter)=\(fifo)", "size=64K",
      under: [
        "strace", "-f", "-o", trace, "-e", "trace=unlink",
        "-e", "inject=unlink:delay_enter=5000000",
      ])
    try nbdkit.signal(SIGTERM)
    try await eventually("nbdkit to remove the FIFO") {
      text(of: trace).contains("unlink(\"\(fifo)\"")
    }
    try await sandbox.succeed("/bin/sh", "-c", "\(opening)'\(fifo)'")
    try await nbdkit.child.exit()
    #expect(access(fifo, F_OK) == -1)
  }
}
