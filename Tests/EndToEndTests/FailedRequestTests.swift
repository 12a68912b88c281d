import Glibc
import Testing

/// A client whose request failed still owes its range: zeroes in its place would be a lie.
@Suite("A request that failed", .endToEnd)
struct FailedRequestTests {
  @Test(
    "and is not repeated is never delivered as zeroes; the stream ends failed",
    .requires("nbdkit", "python3-libnbd"))
  func notRepeated() async throws {
    let sandbox = try Sandbox.current()
    let fifo = try sandbox.fifo()
    let report = sandbox.path("report")
    let nbdkit = try await sandbox.nbdkit(
      "pipe=\(fifo)", "report=\(report)", options: ["-v"])
    try await dieWaitingForReader(nbdkit)

    let reader = try await sandbox.reader(of: fifo)
    let client = try await nbdkit.connect()
    // Whether this one is taken or refused is the plugin's choice; what the reader gets is not.
    _ = try await client.ask("write \(64.kib) \(64.kib)")
    _ = try await client.ask("flush")
    _ = try await client.ask("disconnect")
    try await nbdkit.stop()
    try await reader.end()
    expectPrefix(in: reader.file, of: .data(128.kib))
    #expect(try Report(report).outcome == "failed")
    #expect(!nbdkit.errorLines.isEmpty)
  }

  @Test("and is repeated leaves the stream complete", .requires("nbdkit", "python3-libnbd"))
  func repeated() async throws {
    let sandbox = try Sandbox.current()
    let fifo = try sandbox.fifo()
    let report = sandbox.path("report")
    let nbdkit = try await sandbox.nbdkit(
      "pipe=\(fifo)", "size=128K", "report=\(report)", options: ["-v"])
    try await dieWaitingForReader(nbdkit)

    let reader = try await sandbox.reader(of: fifo)
    let client = try await nbdkit.connect()
    #expect(try await client.ask("write 0 \(64.kib)") == "ok")
    #expect(try await client.ask("write \(64.kib) \(64.kib)") == "ok")
    #expect(try await client.ask("disconnect") == "ok")
    try await nbdkit.stop()
    try await reader.end()
    expectContent(of: reader.file, .data(128.kib))
    #expect(try Report(report).outcome == "complete")
  }

  @Test(
    "because the system refused a write ends the stream at once",
    .requires("nbdkit", "python3-libnbd"))
  func injected() async throws {
    let sandbox = try Sandbox.current()
    let fifo = try sandbox.fifo()
    let report = sandbox.path("report")
    let reader = try await sandbox.reader(of: fifo)
    let nbdkit = try await sandbox.nbdkit(
      "pipe=\(fifo)", "report=\(report)", under: try Plugin.failing("write \(EIO) 3"))
    let client = try await nbdkit.connect()
    var answers: [String] = []
    for number in 0..<8 {
      answers.append(try await client.ask("write \(number * 64.kib) \(64.kib)"))
    }
    #expect(answers.contains("EIO"))
    #expect(answers.last != "ok")
    _ = try await client.ask("disconnect")
    try await nbdkit.stop()
    try await reader.end()
    expectPrefix(in: reader.file, of: .data(512.kib))
    #expect(reader.count < 512.kib)
    #expect(try Report(report).outcome == "failed")
  }

  /// A client sends the first 64 KiB and is gone before there is a reader to take them.
  private func dieWaitingForReader(_ nbdkit: Nbdkit) async throws {
    let client = try await nbdkit.connect()
    try client.send("write 0 \(64.kib)")
    try await nbdkit.receive("write 0 \(64.kib)")
    try await Task.sleep(for: .milliseconds(300))
    #expect(client.isWaiting)
    try await client.die()
    try await eventually("the request to fail") { !nbdkit.errorLines.isEmpty }
  }
}
