import Testing

@Suite("No reader yet", .endToEnd)
struct LateReaderTests {
  @Test(
    "means that nothing is acknowledged, one message says so, and the late reader gets every byte",
    .requires("nbdkit", "python3-libnbd"), arguments: ["write", "zero"])
  func late(request: String) async throws {
    let sandbox = try Sandbox.current()
    let fifo = try sandbox.fifo()
    let nbdkit = try await sandbox.nbdkit("pipe=\(fifo)", "size=1M")
    let client = try await nbdkit.connect()
    // 4 KiB are held back whether there is a reader or not: that must not pass for delivered.
    try client.send("\(request) 0 4096")
    try await eventually("a line that says what is awaited") {
      waitingLines(nbdkit, for: fifo) > 0
    }
    try await Task.sleep(for: .seconds(2))
    #expect(client.isWaiting)

    let reader = try await sandbox.reader(of: fifo)
    #expect(try await client.answer() == "ok")
    #expect(try await client.ask("write 4096 \(1.mib - 4096)") == "ok")
    #expect(try await client.ask("disconnect") == "ok")
    try await nbdkit.stop()
    try await reader.end()
    let first = request == "write" ? Piece.data(4096) : .zeroes(4096)
    expectContent(of: reader.file, first, .data(1.mib - 4096))
    #expect(waitingLines(nbdkit, for: fifo) == 1)
  }

  @Test("makes qemu-img wait, not fail", .requires("nbdkit", "qemu-img"))
  func qemuImg() async throws {
    let sandbox = try Sandbox.current()
    let fifo = sandbox.path("made-by-the-plugin")
    let image = try sandbox.image("image")
    let nbdkit = try await sandbox.nbdkit(
      "pipe=\(fifo)", run: "qemu-img convert -n -f raw -O raw '\(image)' \"$uri\"")
    try await Task.sleep(for: .seconds(1))
    #expect(nbdkit.isRunning)
    let reader = try await sandbox.reader(of: fifo)
    #expect(try await nbdkit.exit() == .exited(0))
    try await reader.end()
    expectEqual(reader.file, image)
  }

  private func waitingLines(_ nbdkit: Nbdkit, for fifo: String) -> Int {
    nbdkit.log.split(separator: "\n").count { $0.contains(fifo) && $0.contains("wait") }
  }
}
