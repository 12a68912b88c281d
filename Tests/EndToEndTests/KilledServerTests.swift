import Foundation
import Glibc
import Testing

@Suite("When nbdkit is killed", .endToEnd, .requires("nbdkit", "python3-libnbd"))
struct KilledServerTests {
  @Test("the client and the reader see it at once, and no report calls the stream complete")
  func killed() async throws {
    let sandbox = try Sandbox.current()
    let fifo = try sandbox.fifo()
    let report = sandbox.path("report")
    let spool = sandbox.path("spool")
    #expect(mkdir(spool, 0o700) == 0)
    let nbdkit = try await sandbox.nbdkit(
      "pipe=\(fifo)", "size=64M", "reorder=64M", "report=\(report)", "spool=\(spool)")
    let reader = try await sandbox.reader(of: fifo)
    let client = try await nbdkit.connect()
    #expect(try await client.ask("write 0 \(1.mib)") == "ok")
    #expect(try await client.ask("write \(2.mib) \(1.mib)") == "ok")
    try nbdkit.signal(SIGKILL)
    #expect(try await nbdkit.child.exit(within: .atOnce) == .signaled(SIGKILL))
    #expect(try await client.ask("write \(3.mib) 4096", within: .atOnce) != "ok")
    try await reader.end(within: .atOnce)
    expectContent(of: reader.file, .data(1.mib))
    #expect(access(report, F_OK) == -1)
    #expect(try FileManager.default.contentsOfDirectory(atPath: spool) == [])
  }

  @Test("the FIFO it made stays, and the next one takes it")
  func again() async throws {
    let sandbox = try Sandbox.current()
    let fifo = sandbox.path("made-by-the-plugin")
    let first = try await sandbox.nbdkit("pipe=\(fifo)")
    try first.signal(SIGKILL)
    try await first.child.exit(within: .atOnce)
    #expect(access(fifo, F_OK) == 0)

    let next = try await sandbox.nbdkit("pipe=\(fifo)")
    let reader = try await sandbox.reader(of: fifo)
    let client = try await next.connect()
    #expect(try await client.ask("write 0 \(1.mib)") == "ok")
    #expect(try await client.ask("disconnect") == "ok")
    try await next.stop()
    try await reader.end()
    expectContent(of: reader.file, .data(1.mib))
  }

  @Test(
    "the reader of a socket sees it at once, though the process that waits for --run lives on",
    .requires("socat"))
  func socketOfTheWaiting() async throws {
    let sandbox = try Sandbox.current()
    let (reader, socket) = try await sandbox.socketReader()
    let pidFile = sandbox.path("server")
    let nbdkit = try await sandbox.nbdkit(
      ["pipe=\(socket)", "size=1M"], options: ["-P", pidFile], run: "sleep 600")
    try await eventually("nbdkit to serve") { text(of: pidFile).hasSuffix("\n") }
    let server = try #require(pid_t(text(of: pidFile).dropLast()))
    #expect(server != nbdkit.pid)
    #expect(reader.child.isRunning)
    #expect(kill(server, SIGKILL) == 0)
    try await reader.end()
    #expect(nbdkit.isRunning)
  }
}
