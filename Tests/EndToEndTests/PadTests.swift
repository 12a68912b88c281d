import Glibc
import Testing

@Suite("pad=true", .endToEnd)
struct PadTests {
  @Test(
    "makes a whole disk of a short stream", .requires("nbdkit", "python3-libnbd"),
    arguments: [512, 512.kib, 1.mib])
  func whole(length: Int) async throws {
    let (stream, report) = try await streamed(by: [("write 0 \(length)", "ok"), ("flush", "ok")])
    expectContent(of: stream, .data(length), .zeroes(1.mib - length))
    #expect(report.outcome == "complete")
    #expect(report.bytes == 1.mib)
    #expect(report.zeroBytes == 1.mib - length)
    #expect(report.missingBytes == 1.mib - length)
  }

  @Test(
    "leaves it unknown if a client did not flush last", .requires("nbdkit", "python3-libnbd"),
    arguments: [
      ["write 0 65536"], ["write 0 65536", "flush", "write 65536 512"],
      ["write 0 65536", "flush", "zero 65536 512"],
    ])
  func unflushed(steps: [String]) async throws {
    let (stream, report) = try await streamed(by: steps.map { ($0, "ok") })
    #expect(fileSize(stream) == 1.mib)
    #expect(report.outcome == "unknown")
    #expect(report.error?.contains("did not flush") == true)
  }

  @Test("does not accept another client's flush", .requires("nbdkit", "python3-libnbd"))
  func flushOfAnother() async throws {
    let sandbox = try Sandbox.current()
    let report = sandbox.path("report")
    let nbdkit = try await sandbox.nbdkit(
      "pipe=/dev/null", "size=1M", "pad=true", "report=\(report)")
    let first = try await nbdkit.connect()
    #expect(try await first.ask("write 0 65536") == "ok")
    try await first.die()
    let second = try await nbdkit.connect()
    #expect(try await second.ask("flush") == "ok")
    #expect(try await second.ask("disconnect") == "ok")
    try await nbdkit.stop()
    #expect(try Report(report).outcome == "unknown")
  }

  @Test(
    "makes no disk of zeroes if a client only looked", .requires("nbdkit", "nbdinfo"))
  func onlyLooked() async throws {
    let sandbox = try Sandbox.current()
    let report = sandbox.path("report")
    let fifo = try sandbox.fifo()
    let reader = try await sandbox.reader(of: fifo)
    let nbdkit = try await sandbox.nbdkit(
      "pipe=\(fifo)", "size=1M", "pad=true", "report=\(report)", run: "nbdinfo --size \"$uri\"")
    #expect(try await nbdkit.exit() == .exited(0))
    try await reader.end()
    #expect(reader.count == 0)
    #expect(try Report(report).outcome == "short")
  }

  @Test(
    "leaves it unknown if a client was killed after 2 of 64 MiB",
    .requires("nbdkit", "python3-libnbd"))
  func killed() async throws {
    let sandbox = try Sandbox.current()
    let report = sandbox.path("report")
    let nbdkit = try await sandbox.nbdkit(
      "pipe=/dev/null", "size=64M", "pad=true", "report=\(report)")
    let client = try await nbdkit.connect()
    #expect(try await client.ask("write 0 \(2.mib)") == "ok")
    try await client.die()
    try await nbdkit.stop()
    #expect(try Report(report).outcome == "unknown")
    #expect(nbdkit.errorLines.count == 1)
  }

  @Test(
    "adds nothing while a client stays that connected in an unusual way",
    .requires("nbdkit", "python3-libnbd"),
    arguments: ["by a process that forked", "from another PID namespace"])
  func stays(way: String) async throws {
    let sandbox = try Sandbox.current()
    let report = sandbox.path("report")
    let steps = sandbox.path("steps")
    let nbdkit = try await sandbox.nbdkit(
      ["pipe=/dev/null", "size=1M", "pad=true", "report=\(report)"])
    let uri = nbdkit.uri
    let script = """
      import nbd, os, sys, time
      client = nbd.NBD()
      client.connect_uri(sys.argv[1])
      if sys.argv[2] == "by a process that forked" and os.fork():
          os._exit(0)
      client.pwrite(b"x" * 65536, 0)
      client.flush()
      open(sys.argv[3], "w").write("flushed\\n")
      time.sleep(1000)
      """
    let namespace = way == "from another PID namespace" ? ["unshare", "--pid", "--fork"] : []
    try await sandbox.start(
      namespace + [Client.python, "-c", script, uri, way, steps])
    try await eventually("the client to flush") { text(of: steps) == "flushed\n" }
    try await nbdkit.stop()
    #expect(try Report(report).outcome == "failed")
  }

  @Test("adds nothing after a failed request", .requires("nbdkit", "python3-libnbd"))
  func failed() async throws {
    let (stream, report) = try await streamed(
      by: [("write 0 65536", "ok"), ("write 0 512", "EIO")])
    expectContent(of: stream, .data(65536))
    #expect(report.outcome == "failed")
  }

  @Test(
    "adds nothing if a client was connected when nbdkit stopped",
    .requires("nbdkit", "python3-libnbd"))
  func connected() async throws {
    let (_, report) = try await streamed(
      by: [("write 0 65536", "ok"), ("flush", "ok")], staying: true)
    #expect(report.outcome == "failed")
  }

  @Test("adds nothing if no client ever came", .requires("nbdkit"))
  func nobody() async throws {
    let sandbox = try Sandbox.current()
    let (nbdkit, reader, report) = try await sandbox.stream("size=1M", "pad=true")
    try await nbdkit.stop()
    try await reader.end()
    #expect(reader.count == 0)
    #expect(try Report(report).outcome == "short")
  }

  @Test(
    "is refused without a size, and with a command", .requires("nbdkit"),
    arguments: [
      Refusal("no size", beside: ["pipe=new"], of: "pad=true", says: "size="),
      Refusal(
        "a command", beside: ["write-command=cat", "size=1M"], of: "pad=true",
        says: "write-command gets"),
    ])
  func refused(_ refusal: Refusal) async throws { try await refusal.check() }

  /// Streams a disk of 1 MiB, padded.
  private func streamed(
    by steps: [(step: String, answer: String)], staying: Bool = false
  ) async throws -> (stream: String, report: Report) {
    let sandbox = try Sandbox.current()
    let (nbdkit, reader, report) = try await sandbox.stream("size=1M", "pad=true", options: ["-v"])
    let client = try await nbdkit.connect()
    for (step, answer) in steps { #expect(try await client.ask(step) == answer) }
    if !staying {
      #expect(try await client.ask("disconnect") == "ok")
      try await eventually("nbdkit to see its client leave") {
        nbdkit.log.contains("streaming: close")
      }
    }
    try await nbdkit.stop()
    try await reader.end()
    return (reader.file, try Report(report))
  }
}
