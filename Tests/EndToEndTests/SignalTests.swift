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
    "ends a hole of exabytes that is hashed or compressed", .requires("nbdkit", "python3-libnbd"),
    arguments: ["compress=zstd", "format=rbd-diff size=4611686018427387904", "size=1P"])
  func hashedHole(encoding: String) async throws {
    let nbdkit = try await Sandbox.current().nbdkit(
      ["pipe=/dev/null", "reorder=0", "disk-digest=sha256"]
        + encoding.split(separator: " ").map(String.init), options: ["-v"])
    let client = try await nbdkit.connect()
    let offset = encoding.contains("1P") ? 1 << 49 : 1 << 60
    // It is asked every 64 MiB or 1 GiB, which takes a sanitizer its time.
    try await expectEnd(
      of: "write \(offset) 4096", from: client, to: nbdkit, by: SIGTERM, within: .seconds(30))
  }

  @Test(
    "that comes twice stops an end of stream that would send zeroes for days",
    .requires("nbdkit", "python3-libnbd"),
    arguments: [SIGTERM, SIGINT], ["", "compress=zstd", "disk-digest=sha256"])
  func exabyteEnd(signal: CInt, encoding: String) async throws {
    let sandbox = try Sandbox.current()
    let report = sandbox.path("report")
    let nbdkit = try await sandbox.nbdkit(
      ["pipe=/dev/null", "report=\(report)"] + (encoding.isEmpty ? [] : [encoding]),
      options: ["-v"])
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

  @Test(
    "ends nbdkit though a client does not read its answer, at once if it comes twice",
    .requires("nbdkit", "python3-libnbd"), arguments: [1, 2])
  func unreadAnswer(signals: Int) async throws {
    let sandbox = try Sandbox.current()
    let report = sandbox.path("report")
    let nbdkit = try await sandbox.nbdkit(
      "pipe=/dev/null", "size=1G", "report=\(report)", options: ["-v"])
    let client = try await sandbox.start([
      Client.python, "-c",
      """
      import nbd, sys, time
      h = nbd.NBD()
      h.connect_uri(sys.argv[1])
      h.aio_pread(nbd.Buffer(32 << 20), 512 << 20)
      time.sleep(600)
      """, nbdkit.uri,
    ])
    try await nbdkit.receive("read \(512.mib) \(32.mib)")
    try await Task.sleep(for: .milliseconds(300))
    for _ in 0..<signals {
      try nbdkit.signal(SIGTERM)
      try await Task.sleep(for: .milliseconds(200))
    }
    try await nbdkit.child.exit(within: .seconds(signals > 1 ? 9 : 30))
    #expect(try Report(report).outcome == "failed")
    client.signal(SIGKILL)
  }

  @Test(
    "cuts off a client of nbdkit -s, too, also one that does not read its answer",
    .requires("nbdkit", "python3-libnbd"), arguments: [true, false])
  func single(readsAnswers: Bool) async throws {
    let sandbox = try Sandbox.current()
    let report = sandbox.path("report")
    let client = try await sandbox.start([
      Client.python, "-c",
      """
      import nbd, os, signal, sys, time
      h = nbd.NBD()
      h.connect_command(["nbdkit", "-s", "-P", sys.argv[1] + "/pid", sys.argv[2],
                         "pipe=/dev/null", "size=1G", "report=" + sys.argv[1] + "/report"])
      h.pwrite(b"x" * 65536, 0)
      if sys.argv[3] == "false":
          h.aio_pread(nbd.Buffer(32 << 20), 512 << 20)
          time.sleep(0.5)
      server = int(open(sys.argv[1] + "/pid").read())
      os.kill(server, signal.SIGTERM)
      time.sleep(0.2)
      if sys.argv[3] == "false":
          os.kill(server, signal.SIGTERM)
      print(os.waitpid(server, 0)[1])
      """, sandbox.directory, try Plugin.path(), "\(readsAnswers)",
    ])
    try await client.exit(within: .seconds(30))
    #expect(client.output == "0\n")
    #expect(try Report(report).outcome == "failed")
  }

  private func expectEnd(
    of request: String, from client: Client, to nbdkit: Nbdkit, by signal: CInt,
    within limit: Duration = .atOnce
  ) async throws {
    try client.send(request)
    try await nbdkit.receive(request)
    try await Task.sleep(for: .milliseconds(300))
    #expect(client.isWaiting)
    try nbdkit.signal(signal)
    #expect(try await client.answer(within: limit) == "ESHUTDOWN")
    try await nbdkit.child.exit(within: limit)
    #expect(!nbdkit.errorLines.isEmpty)
  }
}
