import Foundation
import Glibc
import Testing

@Suite("A spool", .endToEnd, .requires("nbdkit", "python3-libnbd"))
struct SpoolTests {
  @Test(
    "that is full fails the request; if that is repeated later, nothing is lost",
    .requires("root", "unshare"))
  func full() async throws {
    let spool = try await Spool(room: "2m")
    let held = try await spool.fill()
    #expect(try await spool.client.ask("write 0 \(1.mib)") == "ok")
    for number in held + 1...4 {
      #expect(try await spool.client.ask("write \(number.mib) \(1.mib)") == "ok")
    }
    _ = try await spool.client.ask("disconnect")
    try await spool.nbdkit.stop()
    try await spool.reader.end()
    expectContent(of: spool.reader.file, .data(5.mib))
    #expect(try Report(spool.report).outcome == "complete")
  }

  @Test(
    "that is full means a failed stream, which says why, if the request is not repeated",
    .requires("root", "unshare"))
  func fullToTheEnd() async throws {
    let spool = try await Spool(room: "2m")
    _ = try await spool.fill()
    #expect(try await spool.client.ask("write 0 \(1.mib)") == "ok")
    try await spool.expectFailure("No space left on device")
  }

  @Test("that reaches the limit for file sizes is full, and does not end nbdkit")
  func limited() async throws {
    // In units of 512 bytes, as POSIX has it.
    let spool = try await Spool(under: ["/bin/sh", "-c", "ulimit -f 4096; exec \"$@\"", "sh"])
    _ = try await spool.fill(says: "File too large")
    try await spool.expectFailure("File too large")
  }

  @Test("whose disk fails a write fails that request", .requires("strace"))
  func failingWrite() async throws {
    let spool = try await Spool()
    #expect(try await spool.client.ask("write \(1.mib) \(1.mib)") == "ok")
    try await spool.inject("pwrite64:error=EIO")
    #expect(try await spool.client.ask("write \(2.mib) \(1.mib)") == "EIO")
    #expect(
      spool.nbdkit.errorLines.last?.contains("spool=\(spool.directory): Input/output") == true)
    #expect(try await spool.client.ask("write 0 \(1.mib)") == "ok")
    try await spool.expectFailure("Input/output error")
    expectContent(of: spool.reader.file, .data(2.mib))
  }

  @Test(
    "whose disk fails a read fails that read alone, but fails the stream if it was due",
    .requires("strace"))
  func failingRead() async throws {
    let spool = try await Spool()
    #expect(try await spool.client.ask("write \(1.mib) \(1.mib)") == "ok")
    try await spool.inject("pread64:error=EIO")
    #expect(try await spool.client.ask("read \(1.mib) 512") == "EIO")
    #expect(try await spool.client.ask("read \(3.mib) 512") == "zeroes")
    #expect(try await spool.client.ask("write 0 \(1.mib)") == "EIO")
    #expect(try await spool.client.ask("write \(3.mib) 512") == "EIO")
    try await spool.expectFailure("Input/output error")
    expectContent(of: spool.reader.file, .data(1.mib))
  }

  @Test(
    "leaves no file behind, however nbdkit ends", arguments: [SIGTERM, SIGINT, SIGKILL, SIGABRT])
  func nothingIsLeft(signal: CInt) async throws {
    let spool = try await Spool()
    for number in 1...4 {
      #expect(try await spool.client.ask("write \(number.mib) \(1.mib)") == "ok")
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: spool.directory) == [])
    spool.client.child.killGroup()
    try spool.nbdkit.signal(signal)
    try await spool.nbdkit.child.exit()
    #expect(try FileManager.default.contentsOfDirectory(atPath: spool.directory) == [])
  }
}

/// nbdkit with a spool in a directory of its own, a client and a reader.
private struct Spool {
  let nbdkit: Nbdkit
  let client: Client
  let reader: Reader
  let report: String
  let directory: String

  /// - Parameter room: How large the disk is that the spool lies on, a file system of its own that
  ///   only nbdkit sees.
  init(room: String) async throws {
    let mount = "mount -t tmpfs -o size=\(room) tmpfs \"$0\" && exec \"$@\""
    try await self.init(
      under: ["unshare", "--mount", "/bin/sh", "-c", mount, try Sandbox.current().path("spool")])
  }

  init(under prefix: [String] = []) async throws {
    let sandbox = try Sandbox.current()
    directory = sandbox.path("spool")
    guard mkdir(directory, 0o700) == 0 else { throw Sandbox.Missing(description: directory) }
    let fifo = try sandbox.fifo()
    report = sandbox.path("report")
    nbdkit = try await sandbox.nbdkit(
      ["pipe=\(fifo)", "size=5M", "spool=\(directory)", "report=\(report)"], under: prefix)
    reader = try await sandbox.reader(of: fifo)
    client = try await nbdkit.connect()
  }

  /// Leaves the first MiB out and writes the next ones, until one is refused for lack of room.
  ///
  /// - Returns: How many were accepted.
  func fill(says reason: String = "No space left on device") async throws -> Int {
    for number in 1...4 {
      let answer = try await client.ask("write \(number.mib) \(1.mib)")
      guard answer != "ok" else { continue }
      #expect(answer == "ENOSPC")
      #expect(nbdkit.errorLines.last?.contains("spool=\(directory): \(reason)") == true)
      return number - 1
    }
    throw Sandbox.Missing(description: "there was room for all")
  }

  /// Makes system calls of the server fail from now on, by strace: what Tests/Faults does begins
  /// with nbdkit.
  func inject(_ fault: String) async throws {
    let call = fault.prefix { $0 != ":" }
    let strace = try await Sandbox.current().start(
      ["strace", "-f", "-p", "\(try nbdkit.pid)", "-e", "trace=\(call)", "-e", "inject=\(fault)"])
    try await eventually("strace to attach") { strace.errors.contains("attached") }
  }

  func expectFailure(_ reason: String, sourceLocation: SourceLocation = #_sourceLocation)
    async throws
  {
    _ = try await client.ask("disconnect")
    try await nbdkit.stop()
    try await reader.end()
    let found = try Report(report)
    #expect(found.outcome == "failed", sourceLocation: sourceLocation)
    #expect(found.error?.contains(reason) == true, sourceLocation: sourceLocation)
    #expect(nbdkit.errorLines.contains { $0.contains(reason) }, sourceLocation: sourceLocation)
    expectPrefix(in: reader.file, of: .data(5.mib), sourceLocation: sourceLocation)
  }
}
