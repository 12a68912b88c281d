import Testing

@Suite("A request of 64 MiB, nbdkit's largest", .endToEnd, .requires("nbdkit", "python3-libnbd"))
struct LargestRequestTests {
  @Test("waits in a window of that size, in memory and in a spool", arguments: [false, true])
  func held(spools: Bool) async throws {
    let stream = try await Stream("size=128M", "reorder=64M", spools: spools)
    #expect(try await stream.client.ask("write \(64.mib) \(64.mib)") == "ok")
    #expect(try await stream.client.ask("read \(128.mib - 4096) 4096") == "pattern", "it is held")
    #expect(try await stream.client.ask("write 0 \(64.mib)") == "ok")
    #expect(try await stream.end() == "complete")
    expectContent(of: stream.reader.file, .data(128.mib))
  }

  @Test("can be half replaced by another while it waits", arguments: [false, true])
  func overlapped(spools: Bool) async throws {
    let stream = try await Stream("size=160M", "reorder=96M", spools: spools)
    #expect(try await stream.client.ask("zeroes \(64.mib) \(64.mib)") == "ok")
    #expect(try await stream.client.ask("write \(96.mib) \(64.mib)") == "ok")
    #expect(try await stream.client.ask("write 0 \(64.mib)") == "ok")
    #expect(try await stream.end() == "complete")
    expectContent(of: stream.reader.file, .data(64.mib), .zeroes(32.mib), .data(64.mib))
  }

  @Test("does not wait in a window one byte smaller: what is missing before it becomes a hole")
  func tooLarge() async throws {
    let stream = try await Stream("size=128M", "reorder=\(64.mib - 1)")
    #expect(try await stream.client.ask("write \(64.mib) \(64.mib)") == "ok")
    #expect(try await stream.client.ask("write 0 512") == "EIO")
    #expect(stream.nbdkit.errorLines.last?.contains("at least reorder=128M is needed") == true)
    #expect(try await stream.end() == "failed")
    expectContent(of: stream.reader.file, .zeroes(64.mib), .data(64.mib))
  }

  @Test("can be changed in a smaller window, as far as that reaches")
  func rewound() async throws {
    let stream = try await Stream("size=64M", "reorder=0", "rewind=32M")
    #expect(try await stream.client.ask("write 0 \(64.mib)") == "ok")
    #expect(try await stream.client.ask("zero \(32.mib) \(32.mib)") == "ok")
    #expect(try await stream.client.ask("read \(32.mib - 512) 512") == "EIO", "it is sent")
    #expect(try await stream.client.ask("flush") == "ok")
    #expect(try await stream.end() == "complete")
    expectContent(of: stream.reader.file, .data(32.mib), .zeroes(32.mib))
  }
}

/// nbdkit with a client that writes and a reader.
private struct Stream {
  let nbdkit: Nbdkit
  let client: Client
  let reader: Reader
  private let report: String

  init(_ parameters: String..., spools: Bool = false) async throws {
    let sandbox = try Sandbox.current()
    let fifo = try sandbox.fifo("fifo\(UInt32.random(in: 0...999_999))")
    report = "\(fifo).report"
    nbdkit = try await sandbox.nbdkit(
      ["pipe=\(fifo)", "report=\(report)"] + parameters
        + (spools ? ["spool=\(sandbox.directory)"] : []))
    reader = try await sandbox.reader(of: fifo)
    client = try await nbdkit.connect()
  }

  /// - Returns: The outcome.
  func end() async throws -> String? {
    _ = try await client.ask("disconnect")
    try await nbdkit.stop()
    try await reader.end()
    return try Report(report).outcome
  }
}
