import Glibc
import Testing

@Suite("A stream is read forward", .endToEnd, .requires("nbdkit", "python3-libnbd"))
struct ReadingWindowTests {
  /// A disk of 4 MiB of the pattern.
  private func serve(_ parameters: String..., under prefix: [String] = []) async throws -> Client {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image", size: 4.mib, data: [0..<4.mib])
    let fifo = try sandbox.fifo()
    let nbdkit = try await sandbox.nbdkit(
      ["read=\(fifo)", "size=4M"] + parameters, under: prefix)
    try await sandbox.writer("cat '\(image)'", to: fifo)
    return try await nbdkit.connect()
  }

  @Test("and the newest 64 KiB again; older bytes are EIO, which harms nothing")
  func window() async throws {
    let client = try await serve()
    #expect(try await client.ask("read 0 \(1.mib)") == "pattern")
    #expect(try await client.ask("read \(960.kib) \(64.kib)") == "pattern")
    #expect(try await client.ask("read \(960.kib - 1) 512") == "EIO")
    #expect(try await client.ask("read 0 512") == "EIO")
    #expect(try await client.ask("read \(1000.kib) \(3.mib)") == "pattern")
  }

  @Test("as far again as rewind= says", arguments: [0, 1.mib, 4.mib])
  func rewind(size: Int) async throws {
    let client = try await serve("rewind=\(size)")
    #expect(try await client.ask("read 0 \(4.mib)") == "pattern")
    if size > 0 { #expect(try await client.ask("read \(4.mib - size) \(size)") == "pattern") }
    if size < 4.mib { #expect(try await client.ask("read \(4.mib - size - 1) 1") == "EIO") }
  }

  @Test("and a jump drops what it skips, without a copy", .requires("strace"))
  func jump() async throws {
    let trace = try Sandbox.current().path("trace")
    let client = try await serve(under: ["strace", "-f", "-e", "trace=splice", "-o", trace])
    #expect(try await client.ask("read 0 512") == "pattern")
    #expect(try await client.ask("read \(3.mib) 512") == "pattern")
    #expect(try await client.ask("read \(3.mib - 60.kib) \(60.kib)") == "pattern")
    #expect(try await client.ask("read \(3.mib - 128.kib) 512") == "EIO")
    #expect(try await client.ask("disconnect") == "ok")
    let dropped = text(of: trace).matches(of: /splice.*\) += (\d+)/).compactMap { Int($0.1) }
    #expect(dropped.reduce(0, +) == 3.mib - 64.kib - 512)
  }

  @Test("by one client after the other, each where the last one stopped")
  func second() async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image", size: 1.mib, data: [0..<1.mib])
    let fifo = try sandbox.fifo()
    let nbdkit = try await sandbox.nbdkit("read=\(fifo)", "size=1M")
    try await sandbox.writer("cat '\(image)'", to: fifo)
    let first = try await nbdkit.connect()
    #expect(try await first.ask("read 0 \(512.kib)") == "pattern")
    #expect(try await first.ask("disconnect") == "ok")
    let second = try await nbdkit.connect()
    #expect(try await second.ask("read \(480.kib) \(544.kib)") == "pattern")
  }
}
