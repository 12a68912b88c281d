import Foundation
import Glibc
import Testing

/// What decodes a stream, from standard input to standard output.
private let decoders = ["zstd": "zstd -dcq", "gzip": "gzip -dc"]

@Suite("A compressed stream", .endToEnd, .requires("nbdkit", "zstd"), .timeLimit(.minutes(10)))
struct CompressedTests {
  @Test(
    "comes back as the image, whichever client writes, with size= and without",
    .requires("qemu-img", "nbdcopy"), arguments: decoders.keys.sorted(),
    [
      "qemu-img convert -n -f raw -O raw '$image' \"$uri\"",
      "qemu-img convert -n -W -m 16 -f raw -O raw '$image' \"$uri\"",
      "qemu-img convert -f raw -O raw '$image' \"$uri\"", "nbdcopy '$image' \"$uri\"",
    ])
  func clients(compression: String, client: String) async throws {
    let image = try Sandbox.current().image("image", size: 48.mib)
    let client = client.replacing("$image", with: image)
    let decoder = try #require(decoders[compression])
    let parameters = ["compress=\(compression)"]
    try await expectStreamed(image, by: client, size: 48.mib, with: parameters, to: decoder)
    try await expectStreamed(image, by: client, with: parameters, to: decoder)
  }

  @Test(
    "comes back with every window, level and number of threads", .requires("qemu-img"),
    arguments: [
      ["reorder=64k"], ["rewind=1M"], ["rewind=1G"], ["compress-level=1", "compress-threads=1"],
      ["compress-level=9", "compress-threads=7"], ["digest=sha256", "disk-digest=sha256"],
    ])
  func parameters(_ parameters: [String]) async throws {
    let image = try Sandbox.current().image("image", size: 48.mib)
    // A window for changes makes only a flush say that all is there.
    let client = "qemu-img convert -n -t writeback -f raw -O raw '\(image)' \"$uri\""
    for (compression, decoder) in decoders {
      try await expectStreamed(
        image, by: client, size: 48.mib, with: parameters + ["compress=\(compression)"], to: decoder
      )
    }
  }

  @Test("has the digests that sha256sum computes", .requires("qemu-img", "sha256sum"))
  func digests() async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image", size: 32.mib)
    for compression in [[], ["compress=zstd"], ["compress=gzip"]] {
      let fifo = try sandbox.fifo("fifo\(compression)")
      let report = sandbox.path("report")
      let reader = try await sandbox.reader(of: fifo)
      let nbdkit = try await sandbox.nbdkit(
        ["pipe=\(fifo)", "report=\(report)", "size=32M", "digest=sha256", "disk-digest=sha256"]
          + compression, run: "qemu-img convert -n -f raw -O raw '\(image)' \"$uri\"")
      #expect(try await nbdkit.exit() == .exited(0))
      try await reader.end()
      let found = try Report(report)
      #expect(found.outcome == "complete")
      #expect(found.outputBytes == reader.count)
      let sums = try await sandbox.succeed("sha256sum", reader.file, image).output
        .split(separator: "\n").map { "sha256:\($0.prefix(64))" }
      #expect([found.digest, found.diskDigest] == sums)
    }
  }

  @Test(
    "of a command is whole or not at all: the command sees its end only then",
    .requires("python3-libnbd"), arguments: decoders.keys.sorted())
  func command(compression: String) async throws {
    let sandbox = try Sandbox.current()
    let decoder = try #require(decoders[compression])
    for isWhole in [true, false] {
      let publisher = try Publisher("publisher\(isWhole)")
      let nbdkit = try await sandbox.nbdkit(
        publisher.command("\(decoder) >part && mv part whole"), "size=8M",
        "compress=\(compression)")
      let client = try await nbdkit.connect()
      #expect(try await client.ask("write 0 \(6.mib)") == "ok")
      if isWhole { #expect(try await client.ask("write \(6.mib) \(2.mib)") == "ok") }
      _ = try await client.ask("disconnect")
      try await nbdkit.stop()
      try await publisher.vanish()
      #expect(publisher.hasPublished == isWhole)
      if isWhole { expectContent(of: publisher.whole, .data(8.mib)) }
    }
  }

  @Test(
    "is refused by its decoder whenever nbdkit was killed", .requires("python3-libnbd"),
    arguments: decoders.keys.sorted())
  func killed(compression: String) async throws {
    let sandbox = try Sandbox.current()
    let decoder = try #require(decoders[compression])
    for round in 0..<12 {
      let fifo = try sandbox.fifo("fifo\(round)")
      let nbdkit = try await sandbox.nbdkit(
        "pipe=\(fifo)", "size=64M", "compress=\(compression)", "compress-threads=2")
      let reader = try await sandbox.reader(of: fifo)
      let client = try await nbdkit.connect()
      for block in 0..<16 {
        try client.send("write \(block * 4.mib) \(block == 15 ? 4.mib - 1 : 4.mib)")
      }
      try await Task.sleep(for: .milliseconds(Int.random(in: 0...120)))
      try nbdkit.signal(SIGKILL)
      try await reader.end()
      try await client.die()
      let check = try await sandbox.run("/bin/sh", "-c", "\(decoder) <'\(reader.file)' >/dev/null")
      #expect(try await check.exit() != .exited(0), "\(reader.count) bytes")
    }
  }
}

@Suite(
  "Behind a compression", .endToEnd, .requires("nbdkit", "python3-libnbd"),
  .timeLimit(.minutes(10)))
struct CompressedFaultTests {
  /// Writes until that fails; what no compressor makes smaller.
  private func firstRefusal(_ client: Client, of size: Int) async throws -> String {
    for offset in stride(from: 0, to: size, by: 1.mib) {
      let answer = try await client.ask("write \(offset) \(1.mib)")
      if answer != "ok" { return answer }
    }
    return try await client.ask("flush")
  }

  @Test(
    "a reader that dies fails a write, and every one after it", arguments: decoders.keys.sorted())
  func deadReader(compression: String) async throws {
    let sandbox = try Sandbox.current()
    let fifo = try sandbox.fifo()
    let report = sandbox.path("report")
    let nbdkit = try await sandbox.nbdkit(
      "pipe=\(fifo)", "report=\(report)", "size=256M", "compress=\(compression)",
      "compress-threads=2")
    try await sandbox.reader("head -c 1000", of: fifo)
    let client = try await nbdkit.connect()
    #expect(try await firstRefusal(client, of: 256.mib) == "EIO")
    #expect(try await client.ask("write \(128.mib) 4096", within: .atOnce) == "EIO")
    #expect(try await client.ask("flush", within: .atOnce) == "EIO")
    try await client.die()
    try await nbdkit.stop(within: .atOnce)
    #expect(try Report(report).outcome == "failed")
    #expect(!nbdkit.errorLines.isEmpty)
  }

  @Test("a full disk is the command's failure, and the client's", arguments: decoders.keys.sorted())
  func fullDisk(compression: String) async throws {
    let sandbox = try Sandbox.current()
    let report = sandbox.path("report")
    let nbdkit = try await sandbox.nbdkit(
      "write-command=exec cat >/dev/full", "report=\(report)", "size=256M",
      "compress=\(compression)")
    let client = try await nbdkit.connect()
    #expect(try await firstRefusal(client, of: 256.mib) == "EIO")
    try await client.die()
    try await nbdkit.stop()
    let found = try Report(report)
    #expect(found.outcome == "failed")
    #expect(found.exitStatus == 1)
  }

  @Test(
    "nbdkit ends at once where the reader takes nothing", arguments: decoders.keys.sorted())
  func stuckReader(compression: String) async throws {
    let sandbox = try Sandbox.current()
    let (nbdkit, reader, report) = try await sandbox.stream(
      "size=256M", "compress=\(compression)", "compress-threads=2", "compress-level=9",
      reader: "sleep 1000")
    let client = try await nbdkit.connect()
    for offset in stride(from: 0, to: 256.mib, by: 1.mib) {
      try client.send("write \(offset) \(1.mib)")
    }
    var answered = -1
    // Until nothing goes on.
    while client.child.output.split(separator: "\n").count != answered {
      answered = client.child.output.split(separator: "\n").count
      try await Task.sleep(for: .seconds(1))
    }
    try await client.die()
    try nbdkit.signal(SIGTERM)
    // It waits for a reader while that lives; the next signal ends that.
    try await Task.sleep(for: .milliseconds(500))
    try await nbdkit.stop(within: .atOnce)
    #expect(try Report(report).outcome == "failed")
    reader.child.killGroup()
  }

  @Test("the default takes less than 64 MiB on two processors")
  func memory() async throws {
    let sandbox = try Sandbox.current()
    for compression in decoders.keys {
      let nbdkit = try await sandbox.nbdkit(
        "pipe=/dev/null", "size=256M", "compress=\(compression)", "compress-threads=2")
      let client = try await nbdkit.connect()
      for offset in stride(from: 0, to: 255.mib, by: 1.mib) {
        #expect(try await client.ask("write \(offset) \(1.mib)") == "ok")
      }
      #expect(try nbdkit.kibibytes("VmHWM") < 64 << 10)
      _ = try await client.ask("disconnect")
      try await nbdkit.stop()
    }
  }
}
