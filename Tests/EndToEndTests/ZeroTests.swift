import Testing

@Suite(
  "Zeroes", .endToEnd, .requires("nbdkit", "python3-libnbd", "strace"))
struct ZeroTests {
  @Test("asked for or skipped go into a pipe by reference, none is copied")
  func byReference() async throws {
    let sandbox = try Sandbox.current()
    let fifo = try sandbox.fifo()
    let trace = sandbox.path("trace")
    let nbdkit = try await sandbox.nbdkit(
      "pipe=\(fifo)", "size=64M",
      under: ["strace", "-f", "-y", "-o", trace, "-e", "trace=write,vmsplice"])
    let reader = try await sandbox.reader(of: fifo)
    let client = try await nbdkit.connect()
    for step in ["zero 0 \(32.mib)", "write \(64.mib - 512) 512"] {
      #expect(try await client.ask(step) == "ok")
    }
    _ = try await client.ask("disconnect")
    try await nbdkit.stop()
    try await reader.end()
    #expect(reader.count == 64.mib)
    let calls = text(of: trace).split(separator: "\n").filter { $0.contains("<\(fifo)>") }
    // All that is ever offered to be copied are the client's 512 bytes; more than once if the pipe
    // is full.
    let writes = calls.filter { $0.contains("write(") }
    #expect(!writes.isEmpty && writes.allSatisfy { $0.contains("..., 512") })
    #expect(calls.contains { $0.contains("vmsplice(") })
  }
}
