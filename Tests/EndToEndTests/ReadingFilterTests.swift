import Glibc
import Testing

/// A filter that looks for what is at the end of a file lets the stream go by.
@Suite(
  "Reading through a filter that jumps", .endToEnd,
  .requires("nbdkit", "nbdcopy", "xz", "python3-libnbd"))
struct ReadingFilterTests {
  /// The stream is an xz file of 1 MiB that can't be compressed.
  private func copy(
    with parameters: [String] = []
  ) async throws -> (status: Child.Status, original: String, copy: String, report: Report) {
    let sandbox = try Sandbox.current()
    let image = sandbox.path("image")
    let report = sandbox.path("report")
    try await sandbox.succeed("/bin/sh", "-c", "head -c 1M /dev/urandom >'\(image)'")
    try await sandbox.succeed("xz", "-k", image)
    let fifo = try sandbox.fifo()
    let nbdkit = try await sandbox.nbdkit(
      ["read=\(fifo)", "size=\(fileSize("\(image).xz"))", "report=\(report)"] + parameters,
      options: ["--filter=xz"],
      run: """
        cat '\(image).xz' >'\(fifo)' &
        nbdcopy "$uri" '\(sandbox.path("copy"))'
        """)
    return (try await nbdkit.exit(), image, sandbox.path("copy"), try Report(report))
  }

  @Test("backwards is short: what it skipped is gone")
  func dropped() async throws {
    let (status, _, _, report) = try await copy()
    #expect(status != .exited(0))
    #expect(report.outcome == "short")
    #expect(report.missingBytes > 512.kib)
    #expect(report.error?.contains("bytes went by unread") == true)
  }

  @Test("is whole where rewind= is as large as the disk")
  func kept() async throws {
    let (status, image, copy, report) = try await copy(with: ["rewind=2M"])
    #expect(status == .exited(0))
    expectEqual(copy, image)
    #expect(report.outcome == "complete")
    #expect(report.missingBytes == 0)
  }

  @Test("is short of what a client jumped over")
  func jumped() async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image", size: 1.mib, data: [0..<1.mib])
    let fifo = try sandbox.fifo()
    let report = sandbox.path("report")
    let nbdkit = try await sandbox.nbdkit(
      "read=\(fifo)", "size=1M", "rewind=0", "report=\(report)")
    try await sandbox.writer("cat '\(image)'", to: fifo)
    let client = try await nbdkit.connect()
    #expect(try await client.ask("read 0 65536") == "pattern")
    #expect(try await client.ask("read \(1.mib - 65536) 65536") == "pattern")
    #expect(try await client.ask("disconnect") == "ok")
    try await nbdkit.stop()
    let found = try Report(report)
    #expect(found.outcome == "short")
    #expect(found.missingBytes == 1.mib - 2 * 65536)
  }
}
