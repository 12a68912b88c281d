import Glibc
import Testing

@Suite("A reader that dies", .endToEnd)
struct DeadReaderTests {
  @Test(
    "fails the request that is being streamed, at once, and nbdkit ends on SIGTERM",
    .requires("nbdkit", "python3-libnbd"))
  func duringRequest() async throws {
    let sandbox = try Sandbox.current()
    let (nbdkit, reader, report) = try await sandbox.stream(reader: "head -c 1000000")
    let client = try await nbdkit.connect()

    try client.send("write 0 \(16.mib)")
    try await reader.end()
    #expect(try await client.answer(within: .atOnce) == "EIO")
    #expect(try await client.ask("write \(16.mib) 4096", within: .atOnce) == "EIO")

    try await nbdkit.stop(within: .atOnce)
    #expect(!nbdkit.errorLines.isEmpty)
    #expect(try Report(report).outcome == "failed")
    expectContent(of: reader.file, .data(1_000_000))
  }

  @Test("between two requests fails the next one", .requires("nbdkit", "python3-libnbd"))
  func betweenRequests() async throws {
    let sandbox = try Sandbox.current()
    let (nbdkit, reader, _) = try await sandbox.stream(reader: "head -c \(64.kib)")
    let client = try await nbdkit.connect()

    #expect(try await client.ask("write 0 \(64.kib)") == "ok")
    try await reader.end()
    #expect(try await client.ask("write \(64.kib) \(64.kib)", within: .atOnce) == "EIO")
    try await nbdkit.stop(within: .atOnce)
  }

  @Test(
    "is never followed by another: a second reader would get a stream with a part missing",
    .requires("nbdkit", "python3-libnbd"))
  func secondReader() async throws {
    let sandbox = try Sandbox.current()
    let fifo = try sandbox.fifo()
    let report = sandbox.path("report")
    let nbdkit = try await sandbox.nbdkit("pipe=\(fifo)", "report=\(report)")
    let first = try await sandbox.reader("head -c \(64.kib)", of: fifo)
    let client = try await nbdkit.connect()
    #expect(try await client.ask("write 0 \(64.kib)") == "ok")
    try await first.end()
    #expect(try await client.ask("write \(64.kib) \(64.kib)", within: .atOnce) == "EIO")

    let second = try await sandbox.reader("timeout 10 cat", of: fifo, to: "second")
    #expect(try await client.ask("write \(128.kib) \(64.kib)", within: .atOnce) == "EIO")
    try await nbdkit.stop(within: .atOnce)
    #expect(second.count == 0)
    #expect(try Report(report).outcome == "failed")
  }

  @Test("on a socket fails the request as well", .requires("nbdkit", "python3-libnbd", "socat"))
  func onSocket() async throws {
    let sandbox = try Sandbox.current()
    let (reader, socket) = try await sandbox.socketReader()
    let nbdkit = try await sandbox.nbdkit("pipe=\(socket)")
    let client = try await nbdkit.connect()

    #expect(try await client.ask("write 0 \(1.mib)") == "ok")
    try await reader.pause()
    try client.send("write \(1.mib) \(32.mib)")
    try await Task.sleep(for: .milliseconds(300))
    #expect(client.isWaiting)
    reader.child.killGroup()
    #expect(try await client.answer(within: .atOnce) == "EIO")
    try await nbdkit.stop(within: .atOnce)
    expectPrefix(in: reader.file, of: .data(33.mib))
  }

  @Test("makes qemu-img exit non-zero", .requires("nbdkit", "qemu-img"))
  func qemuImg() async throws {
    let sandbox = try Sandbox.current()
    let fifo = try sandbox.fifo()
    let image = try sandbox.image("image", size: 32.mib, data: [0..<32.mib])
    let reader = try await sandbox.reader("head -c \(4.mib)", of: fifo)
    let nbdkit = try await sandbox.nbdkit(
      "pipe=\(fifo)", run: "qemu-img convert -n -f raw -O raw '\(image)' \"$uri\"")
    #expect(try await !nbdkit.exit().isSuccess)
    try await reader.end()
    expectContent(of: reader.file, .data(4.mib))
  }
}
