import Glibc
import Testing

@Suite("Where there is too little", .endToEnd, .requires("nbdkit", "python3-libnbd", "prlimit"))
struct ScarcityTests {
  /// From too few for nbdkit itself to as many as a stream takes; but with 7 none is left for a
  /// client beside the one that tells of signals, and nbdkit lets clients wait then, as with 6 by
  /// itself.
  @Test(
    "of descriptors, nothing starts, or every client is refused, or everything works",
    arguments: Array(4...6) + Array(8...18))
  func descriptors(limit: Int) async throws {
    let sandbox = try Sandbox.current()
    let fifo = try sandbox.fifo()
    let report = sandbox.path("report")
    let nbdkit: Nbdkit
    do {
      nbdkit = try await sandbox.nbdkit(
        "pipe=\(fifo)", "size=1M", "report=\(report)",
        under: ["prlimit", "--nofile=\(limit)"])
    } catch let error as Sandbox.Missing {
      #expect(limit < 10)
      #expect(error.description.contains("Too many open files"))
      return
    }
    let reader = try await sandbox.reader(of: fifo)
    let client = try await nbdkit.client()
    if try await client.ask("connect") == "ok" {
      #expect(try await client.ask("write 0 \(1.mib)") == "ok")
      #expect(try await client.ask("disconnect") == "ok")
      try await nbdkit.stop(within: .atOnce)
      try await reader.end()
      expectContent(of: reader.file, .data(1.mib))
      #expect(try Report(report).outcome == "complete")
    } else {
      #expect(limit < 16)
      try await client.die()
      try await nbdkit.stop(within: .atOnce)
      // It may have had no descriptor for the FIFO: then nobody has ended the reader's wait.
      reader.child.killGroup()
      let found = try Report(report)
      #expect(found.outcome == "failed")
      #expect(found.error?.contains("Too many open files") == true)
    }
  }

  /// In MiB: nbdkit itself and its threads take about 240 of them, most of that untouched.
  @Test(
    "of memory for the window, that request fails, and the ones that need none go on",
    arguments: [256, 288, 512])
  func memory(limit: Int) async throws {
    let sandbox = try Sandbox.current()
    let fifo = try sandbox.fifo()
    let report = sandbox.path("report")
    let nbdkit = try await sandbox.nbdkit(
      "pipe=\(fifo)", "size=1G", "reorder=1G", "report=\(report)",
      under: ["prlimit", "--as=\(limit.mib)"])
    let reader = try await sandbox.reader("sh -c 'cat >/dev/null'", of: fifo)
    let client = try await nbdkit.connect()
    var answers: [String] = []
    for number in 1...32 where answers.last ?? "ok" == "ok" {
      answers.append(try await client.ask("write \((256 + number * 16).mib) \(16.mib)"))
    }
    #expect(answers.last == "ENOMEM")
    let line = "can't be kept until its turn: no memory for the bytes that have to wait"
    #expect(nbdkit.errorLines.contains { $0.hasSuffix(line) })
    #expect(try await client.ask("write 0 \(1.mib)") == "ok")
    #expect(try await client.ask("zero \(1.mib) \(271.mib)") == "ok")
    // All that waited has gone, and with it the lack of memory.
    let first = 272.mib + (answers.count - 1) * 16.mib
    #expect(try await client.ask("write \(first) \(16.mib)") == "ok")
    #expect(try await client.ask("zero \(first + 16.mib) \(1024.mib - first - 16.mib)") == "ok")
    #expect(try await client.ask("disconnect") == "ok")
    try await nbdkit.stop()
    try await reader.end()
    #expect(try Report(report).outcome == "complete")
  }
}
