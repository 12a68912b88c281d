import Foundation
import Glibc
import Testing

/// Where `CALL ACTION WHICH` stand for system calls of the plugin that fail: Tests/Faults/Sources.
@Suite("A system call of the plugin", .endToEnd, .requires("nbdkit", "python3-libnbd", "socat"))
struct FailingCallTests {
  @Test(
    "that takes a third of the bytes is repeated until all are taken",
    arguments: ["write", "vmsplice", "pwrite", "pread", "read"])
  func shortCount(call: String) async throws {
    try await expectNothingHappened(despite: "\(call) short 1+", to: .fifo)
  }

  @Test("that a signal interrupts is made again, in a stream into a FIFO", arguments: fifoCalls)
  func interruptedFIFO(call: String) async throws {
    try await expectNothingHappened(despite: "\(call) \(EINTR) /2", to: .fifo)
  }

  @Test(
    "that a signal interrupts is made again, in a stream into a socket",
    arguments: ["send", "poll", "open"])
  func interruptedSocket(call: String) async throws {
    try await expectNothingHappened(despite: "\(call) \(EINTR) /2", to: .socket)
  }

  @Test("that takes a third of the bytes sends all of them to a socket too")
  func shortSend() async throws {
    try await expectNothingHappened(despite: "send short 1+", to: .socket)
  }

  @Test(
    "that returns EAGAIN nine times out of ten is made again",
    arguments: [("write", Endpoint.fifo), ("vmsplice", .fifo), ("send", .socket)])
  func storm(call: String, endpoint: Endpoint) async throws {
    try await expectNothingHappened(despite: "\(call) \(EAGAIN) !10", to: endpoint)
  }

  @Test(
    "that is only for speed may fail",
    arguments: [
      "fcntl \(EPERM) 1+", "fallocate \(EOPNOTSUPP) 1+", "ftruncate \(EIO) 1+",
      "madvise \(EINVAL) 1+", "vmsplice \(ENOSYS) 1+",
    ])
  func refused(fault: String) async throws {
    try await expectNothingHappened(despite: fault, to: .fifo)
  }

  @Test(
    "does no harm behind compression either", .requires("zstd"), arguments: ["zstd", "gzip"],
    [
      ("write short 1+", Endpoint.fifo), ("write \(EINTR) /2", .fifo), ("poll \(EINTR) /2", .fifo),
      ("write \(EAGAIN) !10", .fifo), ("send short 1+", .socket), ("send \(EAGAIN) !10", .socket),
    ])
  func compressed(compression: String, fault: (call: String, endpoint: Endpoint)) async throws {
    try await expectNothingHappened(
      despite: fault.call, to: fault.endpoint, compressedBy: compression)
  }

  @Test("that fails to keep waiting bytes is that request's error, and the stream goes on")
  func fullSpool() async throws {
    let stream = try await FaultyStream("pwrite \(ENOSPC) 1", to: .fifo)
    let last = "write \(4.mib - 64.kib) \(64.kib)"
    #expect(try await stream.client.ask(last) == "ENOSPC")
    #expect(stream.wasInjected)
    #expect(
      stream.nbdkit.errorLines.first?.contains("spool=\(stream.spool): No space left") == true)
    // What failed is owed: written again, nothing is missing.
    #expect(try await stream.client.ask(last) == "ok")
    try await stream.expectComplete(try await stream.play())
  }

  @Test("that fails to give waiting bytes back ends the stream, as they were acknowledged")
  func unreadableSpool() async throws {
    for number in [1, 2] {
      let stream = try await FaultyStream("pread \(EIO) \(number)", to: .fifo)
      let answers = try await stream.play()
      #expect(stream.wasInjected)
      try await stream.expectFailed(answers)
    }
  }

  @Test("that gets no memory for waiting bytes is that request's error, and the stream goes on")
  func noMemory() async throws {
    let stream = try await FaultyStream("mmap \(ENOMEM) /2", to: .fifo, spools: false)
    var answers: [String] = []
    for _ in 1...2 { answers.append(try await stream.client.ask("write \(3.mib) \(1.mib)")) }
    #expect(stream.wasInjected)
    #expect(answers.contains("ENOMEM"))
    stream.client.child.killGroup()
    try await stream.nbdkit.stop(within: .atOnce)
    try await stream.reader.end()
    #expect(try Report(stream.report).outcome == "failed")
  }

  /// All that can be interrupted, by the manual pages, and that a stream into a FIFO makes.
  private static let fifoCalls = [
    "write", "vmsplice", "poll", "pwrite", "pread", "read", "open", "fallocate", "ftruncate",
    "fsync", "close",
  ]

  enum Endpoint { case fifo, socket }

  private func expectNothingHappened(
    despite fault: String, to endpoint: Endpoint, compressedBy compression: String? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let stream = try await FaultyStream(fault, to: endpoint, compressedBy: compression)
    let answers = try await stream.play()
    try await stream.expectComplete(answers)
    #expect(stream.wasInjected, sourceLocation: sourceLocation)
    #expect(stream.nbdkit.errorLines == [], sourceLocation: sourceLocation)
  }
}

/// 4 MiB of all that there is: data in order, data that has to wait, zeroes, data that stays
/// changeable.
private struct FaultyStream {
  let nbdkit: Nbdkit
  let reader: Reader
  let client: Client
  let report: String
  let spool: String
  let compression: String?

  init(
    _ fault: String, to endpoint: FailingCallTests.Endpoint, spools: Bool = true,
    compressedBy compression: String? = nil
  ) async throws {
    self.compression = compression
    let sandbox = try Sandbox.current()
    let number = UInt32.random(in: 0...999_999)
    report = sandbox.path("report\(number)")
    spool = sandbox.path("spool\(number)")
    #expect(mkdir(spool, 0o700) == 0)
    var listener: (reader: Reader, socket: String)?
    if endpoint == .socket {
      listener = try await sandbox.socketReader("socket\(number)", to: "stream\(number)")
    }
    let pipe = listener?.socket ?? sandbox.path("fifo\(number)")
    nbdkit = try await sandbox.nbdkit(
      ["pipe=\(pipe)", "size=4M", "reorder=8M", "rewind=256k", "report=\(report)"]
        + (spools ? ["spool=\(spool)"] : []) + (compression.map { ["compress=\($0)"] } ?? []),
      under: try Plugin.failing(fault))
    if let listener {
      reader = listener.reader
    } else {
      reader = try await sandbox.reader(of: pipe, to: "stream\(number)")
    }
    client = try await nbdkit.connect()
  }

  var wasInjected: Bool { nbdkit.log.contains("injected ") }

  /// Takes the client through its requests and returns the answers.
  func play() async throws -> [String] {
    var answers: [String] = []
    for step in [
      "write 0 \(1.mib)", "write \(2.mib) \(1.mib)", "zero \(1.mib) \(1.mib)",
      "write \(3.mib) \(1.mib)",
    ] {
      answers.append(try await client.ask(step, within: .atOnce))
    }
    let last = try await client.ask("read \(4.mib - 64.kib) \(64.kib)", within: .atOnce)
    answers.append(last == "pattern" ? "ok" : last)
    if answers.allSatisfy({ $0 == "ok" }) { _ = try await client.ask("flush", within: .atOnce) }
    _ = try await client.ask("disconnect")
    client.child.killGroup()
    try await nbdkit.stop(within: .atOnce)
    try await reader.end()
    #expect(contentsOfDirectory(spool) == [], "nothing is left")
    return answers
  }

  func expectComplete(_ answers: [String]) async throws {
    #expect(answers == Array(repeating: "ok", count: 5))
    var file = reader.file
    if let compression {
      file += ".raw"
      try await Sandbox.current().succeed(
        "/bin/sh", "-c", "\(compression) -dc <'\(reader.file)' >'\(file)'")
    }
    expectContent(of: file, .data(1.mib), .zeroes(1.mib), .data(2.mib))
    #expect(try Report(report).outcome == "complete")
  }

  /// An error where it happened, and nothing but the beginning of the disk for the reader.
  func expectFailed(_ answers: [String]) async throws {
    let found = try Report(report)
    #expect(found.outcome == "failed")
    #expect(!nbdkit.errorLines.isEmpty)
    let count = expectPrefix(in: reader.file, of: .data(1.mib), .zeroes(1.mib), .data(2.mib))
    #expect(found.bytes == count)
    #expect(count < 4.mib)
    // After the first error no write is acknowledged: what is needed can't come any more.
    let writes = answers.prefix(4)
    #expect(writes.drop { $0 == "ok" }.allSatisfy { $0 != "ok" }, "\(answers)")
  }

  private func contentsOfDirectory(_ path: String) -> [String]? {
    try? FileManager.default.contentsOfDirectory(atPath: path)
  }
}
