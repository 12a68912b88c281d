import Testing

@Suite("A write below the stream's position", .endToEnd)
struct WriteBehindTests {
  @Test(
    "is EIO with a message that helps, and later writes and connections are refused",
    .requires("nbdkit", "python3-libnbd"))
  func refused() async throws {
    let stream = try await Stream()
    #expect(try await stream.client.ask("write 0 \(64.kib)") == "ok")
    #expect(try await stream.client.ask("write 12288 4096") == "EIO")
    let line = stream.nbdkit.errorLines.joined()
    #expect(line.contains("12288"), "the offset")
    #expect(line.contains("65536"), "the position")
    #expect(line.contains("rewind") || line.contains("order"), "the remedy")

    #expect(try await stream.client.ask("write \(64.kib) 4096") == "EIO")
    #expect(try await stream.client.ask("flush") == "EIO")
    let another = try await stream.nbdkit.client()
    #expect(try await another.ask("connect") == "refused")

    try await stream.expectEnd("failed")
    expectContent(of: stream.reader.file, .data(64.kib))
  }

  @Test(
    "that reaches over it is refused as well, and none of it delivered",
    .requires("nbdkit", "python3-libnbd"))
  func across() async throws {
    let stream = try await Stream()
    #expect(try await stream.client.ask("write 0 \(64.kib)") == "ok")
    #expect(try await stream.client.ask("write \(60.kib) \(8.kib)") == "EIO")
    try await stream.expectEnd("failed")
    expectContent(of: stream.reader.file, .data(64.kib))
  }

  @Test(
    "succeeds if it is a zero where zeroes were sent, and fails if it is data",
    .requires("nbdkit", "python3-libnbd"))
  func zeroInHole() async throws {
    let stream = try await Stream()
    #expect(try await stream.client.ask("write 0 8192") == "ok")
    #expect(try await stream.client.ask("write \(1.mib) 4096") == "ok")
    #expect(try await stream.client.ask("zero \(64.kib) \(64.kib)") == "ok")
    #expect(try await stream.client.ask("write \(1.mib + 4096) 4096") == "ok")
    #expect(try await stream.client.ask("write \(64.kib) 4096") == "EIO")
    try await stream.expectEnd("failed")
    expectContent(of: stream.reader.file, .data(8192), .zeroes(1.mib - 8192), .data(8192))
  }

  @Test(
    "is allowed within the first 4 KiB while nothing above them is written",
    .requires("nbdkit", "python3-libnbd"))
  func beginAgain() async throws {
    let stream = try await Stream()
    // What qemu-img does to an image it believes to create.
    #expect(try await stream.client.ask("zero 0 512") == "ok")
    #expect(try await stream.client.ask("flush") == "ok")
    #expect(try await stream.client.ask("disconnect") == "ok")

    let again = try await stream.nbdkit.connect()
    #expect(try await again.ask("read 0 4096") == "zeroes")
    #expect(try await again.ask("write 0 4096") == "ok")
    #expect(try await again.ask("fua 1024 512") == "ok")
    #expect(try await again.ask("read 0 4096") == "pattern")
    #expect(try await again.ask("flush") == "ok")
    #expect(try await again.ask("write 0 1024") == "ok")
    #expect(stream.reader.count == 0)

    #expect(try await again.ask("write 4096 \(60.kib)") == "ok")
    #expect(try await again.ask("read 0 512") == "EIO")
    #expect(try await again.ask("write 0 512") == "EIO")
    #expect(try await again.ask("disconnect") == "ok")
    try await stream.expectEnd("failed")
    expectContent(of: stream.reader.file, .data(64.kib))
  }
}

/// nbdkit with a reader and a client.
private struct Stream {
  let nbdkit: Nbdkit
  let reader: Reader
  let client: Client
  private let report: String

  init() async throws {
    let sandbox = try Sandbox.current()
    let fifo = try sandbox.fifo()
    report = sandbox.path("report")
    nbdkit = try await sandbox.nbdkit("pipe=\(fifo)", "report=\(report)", "reorder=0")
    reader = try await sandbox.reader(of: fifo)
    client = try await nbdkit.connect()
  }

  func expectEnd(_ outcome: String, sourceLocation: SourceLocation = #_sourceLocation)
    async throws
  {
    client.child.killGroup()
    try await nbdkit.stop()
    try await reader.end()
    #expect(try Report(report).outcome == outcome, sourceLocation: sourceLocation)
  }
}
