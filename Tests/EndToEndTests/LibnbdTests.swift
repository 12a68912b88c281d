import Testing

@Suite("A client of libnbd", .endToEnd, .requires("nbdkit", "python3-libnbd"))
struct LibnbdTests {
  @Test("is offered what a stream can do, and nothing else")
  func offer() async throws {
    let nbdkit = try await Sandbox.current().nbdkit("pipe=/dev/null")
    let client = try await nbdkit.connect()
    // 2^63 - 2^30, the largest that qemu accepts.
    #expect(try await client.ask("size") == "9223372035781033984")
    for what in ["zero", "fast_zero", "trim", "flush", "fua"] {
      #expect(try await client.ask("can \(what)") == "True", "\(what)")
    }
    for what in ["multi_conn", "read_only", "rotational"] {
      #expect(try await client.ask("can \(what)") == "False", "\(what)")
    }
  }

  @Test("writes odd sizes at odd offsets; what it leaves out is zeroes")
  func odd() async throws {
    let sandbox = try Sandbox.current()
    let (nbdkit, reader, _) = try await sandbox.stream("size=\(8.mib + 13)")
    let client = try await nbdkit.connect()
    var pieces: [Piece] = []
    var offset = 0
    for (gap, count) in [
      (1, 1), (2, 511), (0, 513), (3583, 4097), (4095, 65537), (99999, 1_000_003),
    ] {
      #expect(try await client.ask("write \(offset + gap) \(count)") == "ok")
      pieces += [.zeroes(gap), .data(count)]
      offset += gap + count
    }
    #expect(try await client.ask("zero \(offset) 70001") == "ok")
    #expect(try await client.ask("write \(8.mib) 13") == "ok")
    pieces += [.zeroes(8.mib - offset), .data(13)]
    #expect(try await client.ask("disconnect") == "ok")
    try await nbdkit.stop()
    try await reader.end()
    expectContent(of: reader.file, pieces)
  }

  @Test("writes as much in one request as nbdkit takes")
  func largestWrite() async throws {
    let sandbox = try Sandbox.current()
    let (nbdkit, reader, _) = try await sandbox.stream("size=64M")
    let client = try await nbdkit.connect()
    #expect(try await client.ask("write 0 \(64.mib)") == "ok")
    #expect(try await client.ask("disconnect") == "ok")
    try await nbdkit.stop()
    try await reader.end()
    expectContent(of: reader.file, .data(64.mib))
  }

  @Test("zeroes as much in one request as the protocol can say")
  func largestZero() async throws {
    let sandbox = try Sandbox.current()
    let fifo = try sandbox.fifo()
    let reader = try await sandbox.reader("wc -c", of: fifo)
    let most = Int(UInt32.max)
    let nbdkit = try await sandbox.nbdkit("pipe=\(fifo)", "size=\(most)")
    let client = try await nbdkit.connect()
    #expect(try await client.ask("zero 0 \(most)") == "ok")
    #expect(try await client.ask("disconnect") == "ok")
    try await nbdkit.stop()
    try await reader.end()
    #expect(text(of: reader.file) == "\(most)\n")
  }
}
