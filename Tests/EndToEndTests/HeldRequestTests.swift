import Testing

@Suite(
  "Reads, extents, flush, trim and zero do what the windows say", .endToEnd,
  .requires("nbdkit", "python3-libnbd"))
struct HeldRequestTests {
  private static let block = 64.kib

  /// Whether data ahead waits for what is missing, and whether what is written stays changeable.
  @Test(
    "with each window and without, in memory and in a spool",
    arguments: [
      (false, false, false), (false, false, true), (false, true, false), (false, true, true),
      (true, false, false), (true, false, true), (true, true, false), (true, true, true),
    ])
  func everyCombination(reorders: Bool, rewinds: Bool, spools: Bool) async throws {
    let sandbox = try Sandbox.current()
    let fifo = try sandbox.fifo()
    let report = sandbox.path("report")
    let nbdkit = try await sandbox.nbdkit(
      [
        "pipe=\(fifo)", "size=1M", "report=\(report)", "reorder=\(reorders ? "1M" : "0")",
        "rewind=\(rewinds ? "1M" : "0")",
      ] + (spools ? ["spool=\(sandbox.directory)"] : []))
    let reader = try await sandbox.reader(of: fifo)
    let client = try await nbdkit.connect()
    func ask(_ request: String, _ block: Int, count: Int = 1) async throws -> String {
      try await client.ask("\(request) \(block * Self.block) \(count * Self.block)")
    }
    func extents(_ expected: (blocks: Int, flags: Int)...) async throws {
      let found = try await ask("extents", 0, count: 6)
      #expect(
        found == expected.map { "\($0.blocks * Self.block):\($0.flags)" }.joined(separator: ", "))
    }

    // Block 1 and 3 are missing.
    for (request, block) in [("write", 0), ("write", 2), ("zero", 4), ("trim", 2)] {
      #expect(try await ask(request, block) == "ok")
    }
    #expect(try await ask("read", 0) == (rewinds ? "pattern" : "EIO"))
    #expect(try await ask("read", 1) == (reorders || rewinds ? "zeroes" : "EIO"))
    #expect(try await ask("read", 2) == (reorders || rewinds ? "pattern" : "EIO"))
    #expect(try await ask("read", 4) == "zeroes")
    // 0 is data, 2 zeroes, 3 a hole that reads as zeroes.
    switch (reorders, rewinds) {
    case (true, _): try await extents((1, 0), (1, 3), (1, 0), (1, 3), (1, 2), (1, 3))
    case (false, true): try await extents((1, 0), (1, 2), (1, 0), (1, 3), (1, 2), (1, 3))
    case (false, false): try await extents((3, 0), (1, 3), (1, 2), (1, 3))
    }

    #expect(try await client.ask("flush") == "ok")
    #expect(try await ask("read", 2) == (rewinds ? "pattern" : "EIO"))
    #expect(try await ask("read", 4) == (rewinds ? "zeroes" : "EIO"))
    #expect(try await ask("read", 5) == "zeroes")
    if rewinds {
      try await extents((1, 0), (1, 2), (1, 0), (2, 2), (1, 3))
      #expect(try await ask("write", 1) == "ok")
      #expect(try await ask("read", 1) == "pattern")
      #expect(try await ask("zero", 0) == "ok")
      #expect(try await ask("read", 0) == "zeroes")
      #expect(try await ask("write", 0) == "ok")
    } else {
      try await extents((5, 0), (1, 3))
      #expect(try await ask("zero", 3) == "ok", "that is what was sent")
    }
    #expect(try await ask("write", 5, count: 11) == "ok")
    #expect(try await client.ask("flush") == "ok")
    _ = try await client.ask("disconnect")
    try await nbdkit.stop()
    try await reader.end()
    expectContent(
      of: reader.file, .data(Self.block), rewinds ? .data(Self.block) : .zeroes(Self.block),
      .data(Self.block), .zeroes(2 * Self.block), .data(11 * Self.block))
    #expect(["complete", "short"].contains(try Report(report).outcome), "holes are missing")
  }

  @Test("and with -v the largest reorder is printed at the end, as a help to choose")
  func largestReorder() async throws {
    let sandbox = try Sandbox.current()
    let nbdkit = try await sandbox.nbdkit("pipe=/dev/null", options: ["-v"])
    let client = try await nbdkit.connect()
    for block in [0, 2, 4, 1, 3] {
      #expect(
        try await client.ask("write \(block * Self.block) \(Self.block)") == "ok")
    }
    _ = try await client.ask("disconnect")
    try await nbdkit.stop()
    #expect(nbdkit.log.contains("the largest reorder was \(2 * Self.block) bytes"))
  }
}
