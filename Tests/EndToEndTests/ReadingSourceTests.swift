import Foundation
import Glibc
import Testing

@Suite("A source", .endToEnd, .requires("nbdkit", "python3-libnbd"))
struct ReadingSourceTests {
  @Test("that stops for seconds and goes on gives every byte, and the client waits meanwhile")
  func stopped() async throws {
    let sandbox = try Sandbox.current()
    let (nbdkit, fifo, image) = try await serve(32.mib)
    let writer = try await sandbox.writer("cat '\(image)'", to: fifo)
    let client = try await nbdkit.connect()
    #expect(try await client.ask("read 0 4096") == "pattern")
    writer.signal(SIGSTOP)
    // More than may be in the pipe.
    try client.send("read 4096 \(31.mib)")
    try await Task.sleep(for: .seconds(3))
    #expect(client.isWaiting)
    writer.signal(SIGCONT)
    #expect(try await client.answer() == "pattern")
    #expect(try await client.ask("read \(31.mib + 4096) \(1.mib - 4096)") == "pattern")
    #expect(try await client.ask("disconnect") == "ok")
    try await nbdkit.stop()
    #expect(try Report(sandbox.path("report")).outcome == "complete")
    #expect(nbdkit.errorLines == [])
  }

  @Test("that has ended stays ended: what another process writes into the FIFO is not read")
  func reopened() async throws {
    let sandbox = try Sandbox.current()
    let (nbdkit, fifo, image) = try await serve(1.mib)
    try await sandbox.writer("head -c \(96.kib) '\(image)'", to: fifo)
    let client = try await nbdkit.connect()
    #expect(try await client.ask("read 0 \(64.kib)") == "pattern")
    #expect(try await client.ask("read \(64.kib) \(64.kib)") == "EIO")
    try await sandbox.writer("tail -c +\(96.kib + 1) '\(image)'", to: fifo).exit()
    for offset in [96.kib, 64.kib, 512.kib] {
      #expect(try await client.ask("read \(offset) \(64.kib)") == "EIO")
    }
    #expect(try await client.ask("disconnect") == "ok")
    try await nbdkit.stop(within: .atOnce)
    let report = try Report(sandbox.path("report"))
    #expect(report.outcome == "failed")
    #expect(report.bytes == 96.kib)
  }

  @Test("of a killed nbdkit is told, as is the client, and nothing is left that says complete")
  func killed() async throws {
    let sandbox = try Sandbox.current()
    let spool = sandbox.path("spool")
    #expect(mkdir(spool, 0o700) == 0)
    let (nbdkit, fifo, image) = try await serve(32.mib, "rewind=4M", "spool=\(spool)")
    let writer = try await sandbox.writer("cat '\(image)'", to: fifo)
    let client = try await nbdkit.connect()
    #expect(try await client.ask("read 0 \(1.mib)") == "pattern")
    try nbdkit.signal(SIGKILL)
    try await nbdkit.child.exit(within: .atOnce)
    #expect(try await writer.exit(within: .atOnce) == .signaled(SIGPIPE))
    #expect(try await client.ask("read \(1.mib) 4096", within: .atOnce) != "pattern")
    #expect(access(sandbox.path("report"), F_OK) == -1)
    #expect(try FileManager.default.contentsOfDirectory(atPath: spool) == [])
  }

  /// A disk of so many bytes, all of the pattern, to come through a FIFO.
  private func serve(
    _ size: Int, _ parameters: String...
  ) async throws -> (nbdkit: Nbdkit, fifo: String, image: String) {
    let sandbox = try Sandbox.current()
    let fifo = try sandbox.fifo()
    let nbdkit = try await sandbox.nbdkit(
      ["read=\(fifo)", "size=\(size)", "report=\(sandbox.path("report"))"] + parameters)
    return (nbdkit, fifo, try sandbox.image("image", size: size, data: [0..<size]))
  }
}
