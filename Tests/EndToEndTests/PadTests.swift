import Glibc
import Testing

@Suite("pad=true", .endToEnd)
struct PadTests {
  @Test(
    "makes a whole disk of a short stream", .requires("nbdkit", "python3-libnbd"),
    arguments: [0, 512, 512.kib, 1.mib])
  func whole(length: Int) async throws {
    let (stream, report) = try await streamed(
      by: length > 0 ? [("write 0 \(length)", "ok")] : [])
    expectContent(of: stream, .data(length), .zeroes(1.mib - length))
    #expect(report.outcome == "complete")
    #expect(report.bytes == 1.mib)
    #expect(report.zeroBytes == 1.mib - length)
  }

  @Test("adds nothing after a failed request", .requires("nbdkit", "python3-libnbd"))
  func failed() async throws {
    let (stream, report) = try await streamed(
      by: [("write 0 65536", "ok"), ("write 0 512", "EIO")])
    expectContent(of: stream, .data(65536))
    #expect(report.outcome == "failed")
  }

  @Test("adds nothing while a client is connected", .requires("nbdkit", "python3-libnbd"))
  func connected() async throws {
    let (stream, report) = try await streamed(
      by: [("write 0 65536", "ok")], staying: true)
    expectContent(of: stream, .data(65536))
    #expect(report.outcome == "failed")
  }

  @Test("adds nothing where no client ever came", .requires("nbdkit"))
  func nobody() async throws {
    let sandbox = try Sandbox.current()
    let fifo = try sandbox.fifo()
    let nbdkit = try await sandbox.nbdkit(
      "pipe=\(fifo)", "size=1M", "pad=true", "report=\(sandbox.path("report"))")
    let reader = try await sandbox.reader(of: fifo)
    try await nbdkit.stop()
    try await reader.end()
    #expect(reader.count == 0)
    #expect(try Report(sandbox.path("report")).outcome == "short")
  }

  @Test(
    "is refused without a size, and with a command", .requires("nbdkit"),
    arguments: [
      Refusal("no size", beside: ["pipe=new"], of: "pad=true", says: "size="),
      Refusal(
        "a command", beside: ["write-command=cat", "size=1M"], of: "pad=true",
        says: "write-command gets"),
    ])
  func refused(_ refusal: Refusal) async throws { try await refusal.check() }

  /// Streams a disk of 1 MiB, padded.
  private func streamed(
    by steps: [(step: String, answer: String)], staying: Bool = false
  ) async throws -> (stream: String, report: Report) {
    let sandbox = try Sandbox.current()
    let fifo = try sandbox.fifo()
    let nbdkit = try await sandbox.nbdkit(
      "pipe=\(fifo)", "size=1M", "pad=true", "report=\(sandbox.path("report"))")
    let reader = try await sandbox.reader(of: fifo)
    let client = try await nbdkit.connect()
    for (step, answer) in steps { #expect(try await client.ask(step) == answer) }
    if staying {
      try nbdkit.signal(SIGTERM)
      // nbdkit itself waits for the client, whose farewell it does not hear any more.
      try await Task.sleep(for: .milliseconds(300))
    }
    #expect(try await client.ask("disconnect") == "ok")
    try await nbdkit.stop()
    try await reader.end()
    return (reader.file, try Report(sandbox.path("report")))
  }
}
