import Glibc
import Testing

@Suite("The end of a stream that is read", .endToEnd, .requires("nbdkit", "python3-libnbd"))
struct ReadingEndTests {
  /// A disk of 1 MiB and a writer of so many bytes of the pattern.
  private func serve(
    _ count: Int, _ parameters: String...
  ) async throws -> (nbdkit: Nbdkit, client: Client, report: String) {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image", size: count, data: [0..<count])
    let fifo = try sandbox.fifo()
    let report = sandbox.path("report")
    let nbdkit = try await sandbox.nbdkit(
      ["read=\(fifo)", "size=1M", "report=\(report)"] + parameters)
    try await sandbox.writer("cat '\(image)'", to: fifo)
    return (nbdkit, try await nbdkit.connect(), report)
  }

  @Test("at size= makes it complete, whoever is still connected")
  func complete() async throws {
    let (nbdkit, client, path) = try await serve(1.mib)
    #expect(try await client.ask("read 0 \(1.mib)") == "pattern")
    #expect(try await client.ask("disconnect") == "ok")
    try await nbdkit.stop()
    #expect(nbdkit.errorLines == [])
    let report = try Report(path)
    #expect(report.outcome == "complete")
    #expect(report.bytes == 1.mib)
    #expect(report.zeroBytes == 0)
  }

  @Test("if too early, is EIO with both numbers, and what came before can be read")
  func early() async throws {
    let (nbdkit, client, path) = try await serve(96.kib)
    #expect(try await client.ask("read 0 \(64.kib)") == "pattern")
    #expect(try await client.ask("read \(64.kib) \(64.kib)") == "EIO")
    let reason = "the source ended after 98304 of 1048576 bytes"
    #expect(
      nbdkit.errorLines.contains {
        $0.hasSuffix("read of 65536 bytes at offset 65536: \(reason)")
      })
    #expect(try await client.ask("read \(64.kib) \(32.kib)") == "pattern")
    #expect(try await client.ask("disconnect") == "ok")
    try await nbdkit.stop()
    let report = try Report(path)
    #expect(report.outcome == "failed")
    #expect(report.bytes == 96.kib)
    #expect(report.error == reason)
  }

  @Test("if too early, makes qemu-img fail", .requires("qemu-img"))
  func convert() async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image")
    let fifo = sandbox.path("fifo")
    let nbdkit = try await sandbox.nbdkit(
      "read=\(fifo)", "size=16M",
      run: """
        head -c 9000000 '\(image)' >'\(fifo)' &
        qemu-img convert -f raw "$uri" -O raw '\(sandbox.path("out"))'
        """)
    #expect(try await nbdkit.exit() == .exited(1))
    #expect(nbdkit.errors.contains("the source ended after 9000000 of 16777216 bytes"))
  }

  @Test("if too early, is followed by zeroes with pad=true", arguments: [0, 512, 96.kib])
  func padded(count: Int) async throws {
    let (nbdkit, client, path) = try await serve(count, "pad=true")
    if count > 0 { #expect(try await client.ask("read 0 \(count)") == "pattern") }
    #expect(try await client.ask("read \(count) \(1.mib - count)") == "zeroes")
    #expect(try await client.ask("read 512 512") == (count > 512 ? "EIO" : "zeroes"))
    #expect(try await client.ask("disconnect") == "ok")
    try await nbdkit.stop()
    let report = try Report(path)
    #expect(report.outcome == (count > 512 ? "short" : "complete"), "a read was refused, or none")
    #expect(report.bytes == count, "what was taken, and not the zeroes that make up for the rest")
    #expect(report.zeroBytes == 0)
  }

  @Test("if too early, gives qemu-img a whole disk with pad=true", .requires("qemu-img"))
  func paddedConvert() async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image", size: 9.mib, data: [0..<9.mib])
    let fifo = sandbox.path("fifo")
    let out = sandbox.path("out")
    let nbdkit = try await sandbox.nbdkit(
      "read=\(fifo)", "size=16M", "pad=true",
      run: """
        head -c 9000000 '\(image)' >'\(fifo)' &
        qemu-img convert -f raw "$uri" -O raw '\(out)'
        """)
    #expect(try await nbdkit.exit() == .exited(0))
    #expect(nbdkit.errors == "")
    expectContent(of: out, .data(9_000_000), .zeroes(16.mib - 9_000_000))
  }

  @Test("before the first byte is not a disk of zeroes")
  func empty() async throws {
    let (nbdkit, client, path) = try await serve(0)
    #expect(try await client.ask("read 0 512") == "EIO")
    #expect(try await client.ask("disconnect") == "ok")
    try await nbdkit.stop()
    #expect(try Report(path).error == "the source ended after 0 of 1048576 bytes")
  }

  @Test("beyond size= is reported: the disk is not the whole stream")
  func more() async throws {
    let (nbdkit, client, path) = try await serve(2.mib)
    #expect(try await client.ask("read 0 \(1.mib)") == "pattern")
    #expect(try await client.ask("disconnect") == "ok")
    try await nbdkit.stop()
    let report = try Report(path)
    #expect(report.outcome == "failed")
    #expect(report.bytes == 1.mib)
    #expect(report.error?.contains(/more bytes than size=, at least \d+$/) == true)
    #expect(nbdkit.errorLines.count == 1)
  }

  @Test("that nobody read up to is reported, and its writer is told")
  func short() async throws {
    let sandbox = try Sandbox.current()
    let fifo = try sandbox.fifo()
    let report = sandbox.path("report")
    let nbdkit = try await sandbox.nbdkit("read=\(fifo)", "size=1G", "report=\(report)")
    let writer = try await sandbox.writer("cat /dev/zero", to: fifo)
    let client = try await nbdkit.connect()
    #expect(try await client.ask("read 0 4096") == "zeroes")
    #expect(try await client.ask("disconnect") == "ok")
    try await nbdkit.stop()
    #expect(try await writer.exit() == .signaled(SIGPIPE))
    #expect(try Report(report).outcome == "short")
    #expect(nbdkit.errorLines == ["reading stopped early: 4096 of 1073741824 bytes were read"])
  }

  @Test("of a disk of unknown size is the end of what can be read, and the outcome is unknown")
  func unknown() async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image", size: 1.mib, data: [0..<1.mib])
    let fifo = try sandbox.fifo()
    let report = sandbox.path("report")
    let nbdkit = try await sandbox.nbdkit("read=\(fifo)", "report=\(report)")
    try await sandbox.writer("cat '\(image)'", to: fifo)
    let client = try await nbdkit.connect()
    #expect(try await client.ask("size") == "9223372035781033984")
    #expect(try await client.ask("read 0 \(1.mib)") == "pattern")
    #expect(try await client.ask("read \(1.mib) 1") == "EIO")
    #expect(nbdkit.errorLines.last?.hasSuffix("the source ended after 1048576 bytes") == true)
    #expect(try await client.ask("disconnect") == "ok")
    try await nbdkit.stop()
    #expect(try Report(report).outcome == "unknown")
    #expect(try Report(report).bytes == 1.mib)
  }
}
