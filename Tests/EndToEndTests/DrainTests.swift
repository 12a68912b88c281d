import Glibc
import Testing

/// What the client was told is written may still be in the pipe when it leaves.
@Suite("Bytes left in the pipe at the end", .endToEnd)
struct DrainTests {
  @Test(
    "are counted in an error line when their reader dies", .requires("nbdkit", "python3-libnbd"))
  func deadReader() async throws {
    let drain = try await Drain(reader: "sleep 60")
    try drain.nbdkit.signal(SIGTERM)
    try await drain.expectItGoesOn()
    drain.reader.child.killGroup()
    try await drain.nbdkit.child.exit(within: .atOnce)
    #expect(drain.nbdkit.errorLines.contains { $0.contains("65536") })
    #expect(try Report(drain.report).outcome == "failed")
  }

  @Test(
    "all reach a reader that is only slow, before nbdkit ends",
    .requires("nbdkit", "python3-libnbd", "pv"))
  func slowReader() async throws {
    let drain = try await Drain(reader: "pv -q -B 4096 -L 20k")
    try await drain.nbdkit.stop()
    // Whatever else the reader has taken is in its hands, a buffer of 4 KiB at most.
    #expect(drain.reader.count >= Drain.length - 4096)
    try await drain.reader.end()
    expectContent(of: drain.reader.file, .data(Drain.length))
    #expect(drain.nbdkit.errorLines == [])
    #expect(try Report(drain.report).outcome == "complete")
  }

  @Test(
    "are left there, and one line says so, when the reader takes nothing for 10 s",
    .requires("nbdkit", "python3-libnbd"))
  func stuckReader() async throws {
    let drain = try await Drain(reader: "sleep 60")
    let start = ContinuousClock.now
    try await drain.nbdkit.stop(within: .seconds(25))
    #expect(ContinuousClock.now - start > .seconds(8))
    #expect(drain.nbdkit.log.split(separator: "\n").count { $0.contains("65536") } >= 1)
  }

  @Test(
    "on a socket are waited for too, and are an error when their reader dies",
    .requires("nbdkit", "python3-libnbd", "socat"))
  func onSocket() async throws {
    let drain = try await Drain()
    try drain.nbdkit.signal(SIGTERM)
    try await drain.expectItGoesOn()
    drain.reader.child.killGroup()
    try await drain.nbdkit.child.exit(within: .atOnce)
    #expect(!drain.nbdkit.errorLines.isEmpty)
    #expect(try Report(drain.report).outcome == "failed")
  }

  @Test(
    "are given up on a second signal", .requires("nbdkit", "python3-libnbd"),
    arguments: [SIGTERM, SIGINT])
  func secondSignal(signal: CInt) async throws {
    let drain = try await Drain(reader: "sleep 60")
    try drain.nbdkit.signal(signal)
    try await drain.expectItGoesOn()
    try drain.nbdkit.signal(signal)
    try await drain.nbdkit.child.exit(within: .atOnce)
    #expect(drain.nbdkit.errorLines.contains { $0.contains("65536") })
    #expect(try Report(drain.report).outcome == "failed")
  }
}

/// A stream of 64 KiB, all of it written, acknowledged, and not yet read.
private struct Drain {
  static let length = 64.kib
  let reader: Reader
  let nbdkit: Nbdkit
  let report: String

  /// Into a FIFO.
  init(reader command: String) async throws {
    let sandbox = try Sandbox.current()
    let fifo = try sandbox.fifo()
    report = sandbox.path("report")
    nbdkit = try await sandbox.nbdkit(
      "pipe=\(fifo)", "size=\(Self.length)", "report=\(report)")
    reader = try await sandbox.reader(command, of: fifo)
    try await writeAll()
  }

  /// Into a socket that is not read.
  init() async throws {
    let sandbox = try Sandbox.current()
    let socket: String
    report = sandbox.path("report")
    (reader, socket) = try await sandbox.socketReader()
    nbdkit = try await sandbox.nbdkit(
      "pipe=\(socket)", "size=\(Self.length)", "report=\(report)")
    try await reader.pause()
    try await writeAll()
  }

  private func writeAll() async throws {
    let client = try await nbdkit.connect()
    #expect(try await client.ask("write 0 \(Self.length)") == "ok")
    #expect(try await client.ask("disconnect") == "ok")
    // With the connection gone from nbdkit, the drain is all that a signal leaves to do.
    client.child.signal(SIGTERM)
    try await client.child.exit()
  }

  func expectItGoesOn() async throws {
    try await Task.sleep(for: .seconds(1))
    #expect(nbdkit.child.isRunning)
  }
}
