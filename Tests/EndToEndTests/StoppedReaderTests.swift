import Glibc
import Testing

@Suite("A reader", .endToEnd, .requires("nbdkit", "python3-libnbd"))
struct StoppedReaderTests {
  @Test("that stops for seconds and goes on gets every byte; meanwhile the client waits")
  func stopped() async throws {
    let sandbox = try Sandbox.current()
    let (nbdkit, reader, report) = try await sandbox.stream("size=32M")
    let client = try await nbdkit.connect()
    #expect(try await client.ask("write 0 \(1.mib)") == "ok")
    try await reader.pause()
    try client.send("write \(1.mib) \(31.mib)")
    try await Task.sleep(for: .seconds(4))
    #expect(client.isWaiting)
    reader.resume()
    #expect(try await client.answer() == "ok")
    #expect(try await client.ask("disconnect") == "ok")
    try await nbdkit.stop()
    try await reader.end()
    expectContent(of: reader.file, .data(32.mib))
    #expect(try Report(report).outcome == "complete")
    #expect(nbdkit.errorLines == [])
  }

  @Test("that leaves before anything is written is not one, and the next one gets every byte")
  func lookedIn() async throws {
    let sandbox = try Sandbox.current()
    let fifo = try sandbox.fifo()
    let report = sandbox.path("report")
    let nbdkit = try await sandbox.nbdkit(
      "pipe=\(fifo)", "size=1M", "report=\(report)", options: ["-v"])
    try await sandbox.succeed("/bin/sh", "-c", ": <'\(fifo)'")
    let client = try await nbdkit.connect()
    try client.send("write 0 \(1.mib)")
    try await nbdkit.receive("write 0 \(1.mib)")
    #expect(client.isWaiting)

    let reader = try await sandbox.reader(of: fifo)
    #expect(try await client.answer() == "ok")
    #expect(try await client.ask("disconnect") == "ok")
    try await nbdkit.stop()
    try await reader.end()
    expectContent(of: reader.file, .data(1.mib))
    #expect(try Report(report).outcome == "complete")
  }

  @Test("that is killed is an error for the client at once, and only the report is left")
  func killed() async throws {
    let sandbox = try Sandbox.current()
    let fifo = sandbox.path("made-by-the-plugin")
    let report = sandbox.path("report")
    let nbdkit = try await sandbox.nbdkit(
      "pipe=\(fifo)", "size=32M", "report=\(report)", options: ["-v"])
    let reader = try await sandbox.reader(of: fifo)
    try await reader.pause()
    let client = try await nbdkit.connect()
    try client.send("write 0 \(32.mib)")
    try await nbdkit.receive("write 0 \(32.mib)")
    reader.child.killGroup()
    #expect(try await client.answer(within: .atOnce) == "EIO")
    try await client.die()
    try await nbdkit.stop(within: .atOnce)
    #expect(access(fifo, F_OK) == -1)
    let found = try Report(report)
    #expect(found.outcome == "failed")
    // What it had not taken from the pipe is not counted.
    #expect(found.bytes == reader.count)
  }
}
