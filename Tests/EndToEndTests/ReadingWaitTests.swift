import Glibc
import Testing

@Suite("A read that waits for the source", .endToEnd, .requires("nbdkit", "python3-libnbd"))
struct ReadingWaitTests {
  @Test("says once what it waits for, and the late writer's bytes are read")
  func late() async throws {
    let sandbox = try Sandbox.current()
    let fifo = try sandbox.fifo()
    let image = try sandbox.image("image", size: 1.mib, data: [0..<1.mib])
    let nbdkit = try await sandbox.nbdkit("read=\(fifo)", "size=1M")
    let client = try await nbdkit.connect()
    try client.send("read 0 \(1.mib)")
    let line = "error: read=\(fifo): waiting for a writer to open it"
    try await eventually("a line that says what is awaited") { nbdkit.log.contains(line) }
    #expect(client.isWaiting)
    try await sandbox.writer("cat '\(image)'", to: fifo)
    #expect(try await client.answer() == "pattern")
    #expect(nbdkit.errorLines.count == 1)
  }

  @Test("goes on with a slow writer")
  func slow() async throws {
    let sandbox = try Sandbox.current()
    let fifo = try sandbox.fifo()
    let image = try sandbox.image("image", size: 256.kib, data: [0..<256.kib])
    let nbdkit = try await sandbox.nbdkit("read=\(fifo)", "size=256K")
    try await sandbox.start([
      "/bin/sh", "-c",
      """
      exec <'\(image)' >'\(fifo)'
      for part in 1 2 3 4; do sleep 0.3; head -c 65536; done
      """,
    ])
    let client = try await nbdkit.connect()
    #expect(try await client.ask("read 0 \(256.kib)") == "pattern")
  }

  /// What a read may wait for, and the shell command that keeps it waiting.
  enum Wait: String, CaseIterable {
    case writer = "true"
    case bytes = "exec >fifo; head -c 4096 image; exec sleep 60"
  }

  @Test("ends by a signal, and so does nbdkit", arguments: Wait.allCases, [0, 8.mib])
  func signal(wait: Wait, offset: Int) async throws {
    let (nbdkit, client, _) = try await waiting(wait, at: offset)
    try nbdkit.signal(SIGTERM)
    #expect(try await client.answer(within: .atOnce) == "ESHUTDOWN")
    try await nbdkit.child.exit(within: .atOnce)
    #expect(try Report(try Sandbox.current().path("report")).outcome != "complete")
  }

  @Test("ends by a signal for eighty clients that wait at once", arguments: Wait.allCases)
  func manyClients(wait: Wait) async throws {
    let (nbdkit, first, _) = try await waiting(wait, at: 8.mib)
    let clients = """
      import nbd, sys
      clients = [nbd.NBD() for _ in range(79)]
      for client in clients: client.connect_uri(sys.argv[1])
      reads = [client.aio_pread(nbd.Buffer(512), 8 << 20) for client in clients]
      print("waiting", flush=True)
      errors = set()
      for client, read in zip(clients, reads):
          try:
              while not client.aio_command_completed(read): client.poll(-1)
          except nbd.Error as error:
              errors.add(error.errno)
      print(errors, flush=True)
      """
    let others = try await Sandbox.current().start([Client.python, "-c", clients, nbdkit.uri])
    try await eventually("all clients to wait") {
      nbdkit.log.matches(of: /pread count=512/).count == 79
    }
    try nbdkit.signal(SIGTERM)
    #expect(try await first.answer() == "ESHUTDOWN")
    #expect(try await nbdkit.child.exit() == .exited(0))
    try await others.exit()
    #expect(others.output == "waiting\n{'ESHUTDOWN'}\n")
    #expect(try Report(try Sandbox.current().path("report")).outcome != "complete")
  }

  @Test("ends with its client, and the next one misses no byte", arguments: Wait.allCases)
  func clientGone(wait: Wait) async throws {
    let (nbdkit, client, _) = try await waiting(wait, at: 0)
    try await client.die()
    try await eventually("the request to end", within: .atOnce) {
      nbdkit.errorLines.contains { $0.contains("interrupted") }
    }
    let sandbox = try Sandbox.current()
    let next = try await nbdkit.connect()
    try next.send("read 4096 8192")
    let rest = wait == .bytes ? 4097 : 1
    try await sandbox.writer(
      "tail -c +\(rest) '\(sandbox.path("image"))'", to: sandbox.path("fifo"))
    #expect(try await next.answer() == "pattern")
    #expect(try await next.ask("read 0 4096") == "pattern")
  }

  @Test("fails with a writer that dies in the middle, with both numbers")
  func writerDies() async throws {
    let (nbdkit, client, writer) = try await waiting(.bytes, at: 0)
    writer.signal(SIGKILL)
    #expect(try await client.answer(within: .atOnce) == "EIO")
    #expect(
      nbdkit.errorLines.contains { $0.contains("the source ended after 4096 of 16777216 bytes") })
  }

  /// A read that has been waiting for a while.
  private func waiting(_ wait: Wait, at offset: Int) async throws -> (Nbdkit, Client, Child) {
    let sandbox = try Sandbox.current()
    let fifo = try sandbox.fifo()
    _ = try sandbox.image("image", size: 1.mib, data: [0..<1.mib])
    let nbdkit = try await sandbox.nbdkit(
      "read=\(fifo)", "size=16M", "report=\(sandbox.path("report"))", options: ["-v"])
    let writer = try await sandbox.start([
      "env", "-C", sandbox.directory, "/bin/sh", "-c", wait.rawValue,
    ])
    let client = try await nbdkit.connect()
    try client.send("read \(offset) \(64.kib)")
    try await nbdkit.receive("read \(offset) \(64.kib)")
    try await Task.sleep(for: .milliseconds(300))
    #expect(client.isWaiting)
    return (nbdkit, client, writer)
  }
}
