import Foundation
import Glibc
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

  @Test("the disk space of a spool, while nbdkit goes on")
  func disk() async throws {
    let sandbox = try Sandbox.current()
    let nbdkit = try await sandbox.nbdkit(
      "pipe=/dev/null", "size=64M", "spool=\(sandbox.directory)")
    let client = try await nbdkit.connect()
    for number in 1...32 where number != 16 {
      #expect(try await client.ask("write \(number.mib) \(1.mib)") == "ok")
    }
    #expect(try nbdkit.bytesOnDisk(in: sandbox.directory) >= 31.mib)
    #expect(try await client.ask("write 0 \(1.mib)") == "ok")
    #expect(try (16.mib..<18.mib).contains(nbdkit.bytesOnDisk(in: sandbox.directory)))
    #expect(try await client.ask("write \(16.mib) \(1.mib)") == "ok")
    #expect(try nbdkit.bytesOnDisk(in: sandbox.directory) < 2.mib)
    #expect(try await client.ask("write \(48.mib) \(1.mib)") == "ok", "it is in use again")
    #expect(try nbdkit.bytesOnDisk(in: sandbox.directory) >= 1.mib)
    _ = try await client.ask("disconnect")
  }

  @Test("the disk space of a spool, while what waited there drains")
  func draining() async throws {
    let sandbox = try Sandbox.current()
    let fifo = try sandbox.fifo()
    let nbdkit = try await sandbox.nbdkit(
      "pipe=\(fifo)", "size=65M", "spool=\(sandbox.directory)")
    // Takes 33 MiB, and the rest only when it may go on.
    let goOn = sandbox.path("go-on")
    let reader = try await sandbox.reader(
      "sh -c 'head -c \(33.mib); until test -e \(goOn); do sleep 0.01; done; cat'", of: fifo)
    let client = try await nbdkit.connect()
    for number in 1...64 { #expect(try await client.ask("write \(number.mib) \(1.mib)") == "ok") }
    #expect(try nbdkit.bytesOnDisk(in: sandbox.directory) >= 64.mib)
    try client.send("write 0 \(1.mib)")
    try await eventually("half of it to be given back") {
      try nbdkit.bytesOnDisk(in: sandbox.directory) <= 34.mib
    }
    #expect(client.isWaiting, "the other half waits for the reader")
    #expect(try nbdkit.bytesOnDisk(in: sandbox.directory) >= 30.mib)
    try Data().write(to: URL(filePath: goOn))
    #expect(try await client.answer() == "ok")
    #expect(try nbdkit.bytesOnDisk(in: sandbox.directory) < 1.mib)
    _ = try await client.ask("disconnect")
    try await nbdkit.stop()
    try await reader.end()
    expectContent(of: reader.file, .data(65.mib))
  }
}

extension Nbdkit {
  /// What the nameless files that the server has open in `directory` take of the disk.
  fileprivate func bytesOnDisk(in directory: String) throws -> Int {
    let descriptors = "/proc/\(try pid)/fd"
    return try FileManager.default.contentsOfDirectory(atPath: descriptors).reduce(0) { sum, name in
      let link = "\(descriptors)/\(name)"
      let target = try FileManager.default.destinationOfSymbolicLink(atPath: link)
      var status = stat()
      guard target.hasPrefix("\(directory)/#"), stat(link, &status) == 0 else { return sum }
      return sum + Int(status.st_blocks) * 512
    }
  }
}
