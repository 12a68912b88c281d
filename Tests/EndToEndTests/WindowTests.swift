import Testing

@Suite("With windows the order of writes does not matter", .endToEnd)
struct WindowTests {
  @Test(
    "for qemu-img convert -W, in memory and in a spool", .requires("nbdkit", "qemu-img"),
    arguments: [8, 16], [false, true])
  func convert(coroutines: Int, spools: Bool) async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image", size: 64.mib)
    try await expectStreamed(
      image, by: "qemu-img convert -W -m \(coroutines) -n -f raw -O raw '\(image)' \"$uri\"",
      size: 64.mib,
      with: spools ? ["spool=\(sandbox.directory)"] : [])
  }

  @Test("for nbdcopy from an NBD server", .requires("nbdkit", "qemu-nbd", "nbdcopy"))
  func nbdcopy() async throws {
    let image = try Sandbox.current().image("image", size: 64.mib)
    try await expectStreamed(
      image, by: "nbdcopy -- [ qemu-nbd -r -f raw '\(image)' ] \"$uri\"", size: 64.mib)
  }

  @Test(
    "at all if they are as large as the disk", .requires("nbdkit", "python3-libnbd"),
    arguments: [false, true])
  func anyOrder(spools: Bool) async throws {
    let sandbox = try Sandbox.current()
    let fifo = try sandbox.fifo()
    let report = sandbox.path("report")
    let spool = spools ? ["spool=\(sandbox.directory)"] : []
    let nbdkit = try await sandbox.nbdkit(
      ["pipe=\(fifo)", "size=16M", "rewind=16M", "report=\(report)"] + spool)
    let reader = try await sandbox.reader(of: fifo)
    let client = try await nbdkit.connect()
    let offsets = (0..<256).map { ($0 * 97 % 256) * 64.kib }
    for offset in offsets {
      #expect(try await client.ask("zeroes \(offset) \(64.kib)") == "ok")
    }
    for offset in offsets.reversed() {
      #expect(try await client.ask("write \(offset) \(64.kib)") == "ok")
    }
    #expect(try await client.ask("read \(5 * 64.kib) \(64.kib)") == "pattern")
    #expect(try await client.ask("flush") == "ok")
    _ = try await client.ask("disconnect")
    try await nbdkit.stop()
    try await reader.end()
    expectContent(of: reader.file, .data(16.mib))
    #expect(try Report(report).outcome == "complete")
  }

  @Test("and the error of a write that comes too late says what is needed at least")
  func remedy() async throws {
    let sandbox = try Sandbox.current()
    let nbdkit = try await sandbox.nbdkit("pipe=/dev/null", "reorder=1M")
    let client = try await nbdkit.connect()
    for offset in [2.mib, 4.mib] { _ = try await client.ask("write \(offset) \(1.mib)") }
    #expect(try await client.ask("write 0 512") == "EIO")
    #expect(nbdkit.errorLines.last?.hasSuffix("at least reorder=5M is needed") == true)
    _ = try await client.ask("disconnect")
  }
}
