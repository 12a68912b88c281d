import Glibc
import Testing

@Suite("A client killed", .endToEnd)
struct KilledClientTests {
  @Test(
    "while it sends a request leaves no trace in the stream", .requires("nbdkit", "python3-libnbd"))
  func duringPayload() async throws {
    let sandbox = try Sandbox.current()
    let (nbdkit, reader, report) = try await sandbox.stream("size=2M")
    let first = try await nbdkit.connect()
    #expect(try await first.ask("write 0 \(1.mib)") == "ok")
    #expect(try await first.ask("half-write \(1.mib) \(1.mib)") == "ok")
    try await first.die()

    let second = try await nbdkit.connect()
    #expect(try await second.ask("write \(1.mib) \(1.mib)") == "ok")
    #expect(try await second.ask("disconnect") == "ok")
    try await nbdkit.stop()
    try await reader.end()
    expectContent(of: reader.file, .data(2.mib))
    #expect(try Report(report).outcome == "complete")
  }

  @Test(
    "while its request waits on a full pipe leaves the reader with an exact prefix",
    .requires("nbdkit", "python3-libnbd"))
  func onFullPipe() async throws {
    let sandbox = try Sandbox.current()
    let (nbdkit, reader, report) = try await sandbox.stream(options: ["-v"])
    try await reader.pause()
    let first = try await nbdkit.connect()
    try first.send("write 0 \(8.mib)")
    try await nbdkit.receive("write 0 \(8.mib)")
    try await Task.sleep(for: .milliseconds(300))
    #expect(first.isWaiting)
    try await first.die()
    // Then the plugin is free for the next client.
    try await eventually("the request to end", within: .atOnce) { !nbdkit.errorLines.isEmpty }

    reader.resume()
    let second = try await nbdkit.connect()
    _ = try await second.ask("write \(8.mib) \(64.kib)")
    _ = try await second.ask("disconnect")
    try await nbdkit.stop()
    try await reader.end()
    expectPrefix(in: reader.file, of: .data(8.mib))
    #expect(reader.count < 8.mib)
    #expect(try Report(report).bytes == reader.count)
    #expect(try Report(report).outcome == "failed")
  }

  @Test(
    "between two requests makes it unknown whether the stream is complete",
    .requires("nbdkit", "python3-libnbd"))
  func betweenRequests() async throws {
    let sandbox = try Sandbox.current()
    let (nbdkit, reader, report) = try await sandbox.stream()
    let client = try await nbdkit.connect()
    #expect(try await client.ask("write 0 \(1.mib)") == "ok")
    try await client.die()
    try await nbdkit.stop()
    try await reader.end()
    expectContent(of: reader.file, .data(1.mib))
    #expect(try Report(report).outcome == "unknown")
  }
}
