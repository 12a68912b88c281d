import Glibc
import Testing

@Suite("A signal", .endToEnd)
struct SignalTests {
  @Test(
    "ends a request that waits for a reader, and nbdkit", .requires("nbdkit", "python3-libnbd"),
    arguments: [SIGTERM, SIGINT])
  func waitingForReader(signal: CInt) async throws {
    let sandbox = try Sandbox.current()
    let fifo = try sandbox.fifo()
    let nbdkit = try await sandbox.nbdkit("pipe=\(fifo)", options: ["-v"])
    let client = try await nbdkit.connect()
    try await expectEnd(of: "write 0 4096", from: client, to: nbdkit, by: signal)
  }

  @Test(
    "ends a request that waits on a full pipe, and nbdkit",
    .requires("nbdkit", "python3-libnbd"), arguments: [SIGTERM, SIGINT])
  func fullPipe(signal: CInt) async throws {
    let sandbox = try Sandbox.current()
    let (nbdkit, reader, report) = try await sandbox.stream(options: ["-v"])
    try await reader.pause()
    let client = try await nbdkit.connect()
    try await expectEnd(of: "write 0 \(8.mib)", from: client, to: nbdkit, by: signal)
    #expect(try Report(report).outcome == "failed")
    reader.resume()
    try await reader.end()
    let count = expectPrefix(in: reader.file, of: .data(8.mib))
    #expect(count < 8.mib)
  }

  @Test(
    "ends a hole of exabytes on its way into a device that never waits",
    .requires("nbdkit", "python3-libnbd"))
  func exabyteHole() async throws {
    let nbdkit = try await Sandbox.current().nbdkit(
      "pipe=/dev/null", "reorder=0", options: ["-v"])
    let client = try await nbdkit.connect()
    try await expectEnd(of: "write \(1 << 60) 4096", from: client, to: nbdkit, by: SIGTERM)
  }

  @Test(
    "that comes twice stops an end of stream that would send zeroes for days",
    .requires("nbdkit", "python3-libnbd"), arguments: [SIGTERM, SIGINT])
  func exabyteEnd(signal: CInt) async throws {
    let sandbox = try Sandbox.current()
    let report = sandbox.path("report")
    let nbdkit = try await sandbox.nbdkit(
      "pipe=/dev/null", "report=\(report)", options: ["-v"])
    let client = try await nbdkit.connect()
    #expect(try await client.ask("write \(1 << 62) 4096") == "ok")
    #expect(try await client.ask("disconnect") == "ok")
    try await eventually("nbdkit to see its client leave") {
      nbdkit.log.contains("streaming: close")
    }
    try nbdkit.signal(signal)
    try await Task.sleep(for: .seconds(1))
    #expect(nbdkit.child.isRunning, "what was acknowledged is on its way")
    try nbdkit.signal(signal)
    try await nbdkit.child.exit(within: .atOnce)
    #expect(!nbdkit.errorLines.isEmpty)
    #expect(try Report(report).outcome == "failed")
  }

  @Test(
    "ends the requests of two clients, of which one waits for the other",
    .requires("nbdkit", "python3-libnbd"))
  func twoClients() async throws {
    let sandbox = try Sandbox.current()
    let nbdkit = try await sandbox.nbdkit("pipe=\(try sandbox.fifo())", options: ["-v"])
    let first = try await nbdkit.connect()
    let second = try await nbdkit.connect()
    try first.send("write 0 \(64.kib)")
    try await nbdkit.receive("write 0 \(64.kib)")
    try await expectEnd(of: "write \(64.kib) \(64.kib)", from: second, to: nbdkit, by: SIGTERM)
    #expect(try await first.answer() == "ESHUTDOWN")
  }

  @Test(
    "that comes while a client is connected cuts it off, and the stream is not complete",
    .requires("nbdkit", "python3-libnbd"), arguments: [false, true])
  func connected(overTCP: Bool) async throws {
    let sandbox = try Sandbox.current()
    let fifo = try sandbox.fifo()
    let report = sandbox.path("report")
    let nbdkit = try await sandbox.nbdkit(
      ["pipe=\(fifo)", "report=\(report)"], port: overTCP ? try freePort() : nil)
    let reader = try await sandbox.reader(of: fifo)
    let client = try await nbdkit.connect()
    #expect(try await client.ask("write 0 \(64.kib)") == "ok")
    try await nbdkit.stop(within: .atOnce)
    #expect(client.child.isRunning)
    try await reader.end()
    expectContent(of: reader.file, .data(64.kib))
    // Over TCP nobody looks.
    #expect(try Report(report).outcome == (overTCP ? "unknown" : "failed"))
  }

  private func expectEnd(
    of request: String, from client: Client, to nbdkit: Nbdkit, by signal: CInt
  ) async throws {
    try client.send(request)
    try await nbdkit.receive(request)
    try await Task.sleep(for: .milliseconds(300))
    #expect(client.isWaiting)
    try nbdkit.signal(signal)
    #expect(try await client.answer(within: .atOnce) == "ESHUTDOWN")
    try await nbdkit.child.exit(within: .atOnce)
    #expect(!nbdkit.errorLines.isEmpty)
  }
}
