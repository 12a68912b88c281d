import Foundation
import Testing

/// What needs windows larger than the defaults; the manual page says which and why.
@Suite(
  "With windows as large as the disk any order is streamed byte for byte",
  .endToEnd(limit: .seconds(300)))
struct AnyOrderTests {
  @Test(
    "blocks in random order, a fifth of them written twice or not at all",
    .requires("nbdkit", "python3-libnbd"), arguments: [false, true])
  func shuffled(twice: Bool) async throws {
    let sandbox = try Sandbox.current()
    let size = 300.mib
    let image = try sandbox.image("image", size: size, data: [0..<size])
    let seed = Int.random(in: 1..<1_000_000)
    print("the order of writes is that of \(seed)")
    try await expectStreamed(
      image, by: "\(script("shuffle.py")) '\(image)' \"$uri\" \(seed) \(twice ? "again" : "")",
      size: size,
      with: ["\(twice ? "rewind" : "reorder")=\(size)", "spool=\(sandbox.directory)"], to: nil)
  }

  @Test("a qcow2 image that qemu-img convert makes there", .requires("nbdkit", "qemu-img"))
  func qcow2() async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image", size: 256.mib)
    let fifo = try sandbox.fifo()
    let report = sandbox.path("report")
    let reader = try await sandbox.reader(of: fifo)
    let nbdkit = try await sandbox.nbdkit(
      "pipe=\(fifo)", "rewind=512M", "spool=\(sandbox.directory)", "report=\(report)",
      run: "qemu-img convert -f raw -O qcow2 '\(image)' \"$uri\"")
    #expect(try await nbdkit.exit() == .exited(0))
    #expect(nbdkit.errors == "")
    try await reader.end()
    try await sandbox.succeed("qemu-img", "compare", "-f", "qcow2", "-F", "raw", reader.file, image)
    try await sandbox.succeed("qemu-img", "check", "-f", "qcow2", reader.file)
    #expect(try Report(report).outcome == "unknown")
  }

  @Test(
    "a backup of a disk in use, as it was when the job began",
    .requires("nbdkit", "qemu-storage-daemon", "python3-libnbd"))
  func backup() async throws {
    let sandbox = try Sandbox.current()
    let disk = try sandbox.image("disk", size: 256.mib, data: [0..<200.mib, 230.mib..<256.mib])
    let before = sandbox.path("before")
    try await sandbox.succeed("cp", "--sparse=always", disk, before)
    let writes = sandbox.path("writes")
    try await expectStreamed(
      before, by: "\(script("backup.py")) '\(disk)' \"$unixsocket\" >'\(writes)' 2>/dev/null",
      size: 256.mib,
      with: ["reorder=256M"], to: nil)
    let count = try #require(Int(text(of: writes).trimmingCharacters(in: .whitespacesAndNewlines)))
    #expect(count > 0, "the disk was written to while it was backed up")
  }
}
