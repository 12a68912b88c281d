import Testing

@Suite("A stream shorter than size=", .endToEnd)
struct ShortStreamTests {
  @Test(
    "is an error line with both numbers", .requires("nbdkit", "python3-libnbd"),
    arguments: [0, 512, 65536])
  func short(length: Int) async throws {
    let sandbox = try Sandbox.current()
    let (nbdkit, reader, report) = try await sandbox.stream("size=1M")
    let client = try await nbdkit.connect()
    if length > 0 { #expect(try await client.ask("write 0 \(length)") == "ok") }
    #expect(try await client.ask("disconnect") == "ok")
    try await nbdkit.stop()
    try await reader.end()
    expectContent(of: reader.file, .data(length))
    #expect(
      nbdkit.errorLines.contains { $0.contains("\(length)") && $0.contains("1048576") })
    let outcome = try Report(report)
    #expect(outcome.outcome == "short")
    #expect(outcome.bytes == length)
    #expect(outcome.size == 1.mib)
    #expect(outcome.error != nil)
  }
}
