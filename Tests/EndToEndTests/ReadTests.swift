import Testing

@Suite("Reading from the disk that is being streamed", .endToEnd)
struct ReadTests {
  @Test(
    "gives zeroes from the position on, EIO below, and harms nothing",
    .requires("nbdkit", "python3-libnbd"))
  func reads() async throws {
    let sandbox = try Sandbox.current()
    let (nbdkit, reader, report) = try await sandbox.stream("size=1M")
    let client = try await nbdkit.connect()
    #expect(try await client.ask("write 0 \(64.kib)") == "ok")
    #expect(try await client.ask("read \(64.kib) \(64.kib)") == "zeroes")
    #expect(try await client.ask("read \(1.mib - 512) 512") == "zeroes")
    #expect(try await client.ask("read 0 512") == "EIO")
    #expect(try await client.ask("read \(60.kib) \(8.kib)") == "EIO")
    #expect(try await client.ask("write \(64.kib) \(960.kib)") == "ok")
    #expect(try await client.ask("disconnect") == "ok")
    try await nbdkit.stop()
    try await reader.end()
    expectContent(of: reader.file, .data(1.mib))
    #expect(try Report(report).outcome == "complete")
  }

  @Test("is all that -r would allow, so -r is refused", .requires("nbdkit", "python3-libnbd"))
  func readOnly() async throws {
    let sandbox = try Sandbox.current()
    let fifo = try sandbox.fifo()
    let nbdkit = try await sandbox.nbdkit("pipe=\(fifo)", options: ["-r"])
    let client = try await nbdkit.client()
    #expect(try await client.ask("connect") == "refused")
    #expect(nbdkit.errorLines.contains { $0.contains("-r") })
  }

  @Test(
    "shows a disk as large as qemu accepts, or of size=", .requires("nbdkit", "python3-libnbd"))
  func size() async throws {
    let sandbox = try Sandbox.current()
    let fifo = try sandbox.fifo()
    let endless = try await sandbox.nbdkit("pipe=\(fifo)")
    #expect(try await endless.connect().ask("size") == "\(Int.max - (1 << 30) + 1)")
    let sized = try await sandbox.nbdkit("pipe=\(sandbox.path("other"))", "size=1000001")
    #expect(try await sized.connect().ask("size") == "1000001")
  }
}
