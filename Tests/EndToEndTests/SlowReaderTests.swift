import Testing

@Suite("A slow reader", .endToEnd)
struct SlowReaderTests {
  @Test(
    "slows the client down; memory stays flat and nothing is lost",
    .requires("nbdkit", "python3-libnbd", "pv"))
  func flat() async throws {
    let sandbox = try Sandbox.current()
    let (nbdkit, reader, _) = try await sandbox.stream("size=48M", reader: "pv -q -L 12m")
    let client = try await nbdkit.connect()
    var early = 0
    for number in 0..<48 {
      #expect(try await client.ask("write \(number.mib) \(1.mib)") == "ok")
      if number == 4 { early = try nbdkit.kibibytes("VmHWM") }
    }
    // A plugin that kept what the reader has not taken would be tens of MiB larger by now.
    #expect(try nbdkit.kibibytes("VmHWM") - early < 2048)
    #expect(try await client.ask("disconnect") == "ok")
    try await nbdkit.stop()
    try await reader.end()
    expectContent(of: reader.file, .data(48.mib))
  }

  @Test(
    "gets holes at its own pace as well", .requires("nbdkit", "python3-libnbd", "pv"))
  func holes() async throws {
    let sandbox = try Sandbox.current()
    let (nbdkit, reader, _) = try await sandbox.stream(
      "size=32M", "reorder=0", reader: "pv -q -L 12m")
    let client = try await nbdkit.connect()
    #expect(try await client.ask("write 0 5000") == "ok")
    #expect(try await client.ask("zero 5000 \(8.mib)") == "ok")
    #expect(try await client.ask("write \(32.mib - 512) 512") == "ok")
    #expect(try await client.ask("disconnect") == "ok")
    try await nbdkit.stop()
    try await reader.end()
    expectContent(of: reader.file, .data(5000), .zeroes(32.mib - 5512), .data(512))
  }
}
