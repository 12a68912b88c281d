import Testing

@Suite("What was held is given back", .endToEnd, .requires("nbdkit", "python3-libnbd"))
struct GivenBackTests {
  @Test(
    "memory to within 4 MiB of the start, after a full window has drained",
    arguments: [false, true])
  func memory(spools: Bool) async throws {
    let sandbox = try Sandbox.current()
    let nbdkit = try await sandbox.nbdkit(
      ["pipe=/dev/null", "size=260M"] + (spools ? ["spool=\(sandbox.directory)"] : []))
    let client = try await nbdkit.connect()
    for number in 0..<2 { #expect(try await client.ask("write \(number.mib) \(1.mib)") == "ok") }
    let start = try nbdkit.kibibytes("VmRSS")
    // One MiB is left out, and as many follow as the window takes.
    for number in 3..<259 { try client.send("write \(number.mib) \(1.mib)") }
    for _ in 3..<259 { #expect(try await client.answer() == "ok") }
    let full = try nbdkit.kibibytes("VmRSS")
    if spools { #expect(full < start + 4096) } else { #expect(full > start + 250 << 10) }
    #expect(try await client.ask("read \(3.mib) 4096") == "pattern", "it is held")
    #expect(try await client.ask("write \(2.mib) \(1.mib)") == "ok")
    #expect(try await client.ask("read \(3.mib) 4096") == "EIO", "it is sent")
    #expect(try nbdkit.kibibytes("VmRSS") < start + 4096)
    _ = try await client.ask("disconnect")
  }
}
