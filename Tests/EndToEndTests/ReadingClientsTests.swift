import Foundation
import Glibc
import Testing

@Suite("A stream is read as a disk", .endToEnd, .requires("nbdkit", "qemu-img"))
struct ReadingClientsTests {
  @Test(
    "by qemu-img convert, which may look first at what it is",
    arguments: ["-f raw", "", "-f raw -m 16 -W"], ["raw", "qcow2"])
  func convert(options: String, format: String) async throws {
    let image = try Sandbox.current().image("image")
    try await expectRead(
      image, from: "cat '\(image)'",
      by: "qemu-img convert \(options) \"$uri\" -O \(format) \"$out\"", format: format)
  }

  @Test("by qemu-img dd")
  func dd() async throws {
    let image = try Sandbox.current().image("image")
    try await expectRead(
      image, from: "cat '\(image)'",
      by: "qemu-img dd -f raw -O raw bs=1M if=\"$uri\" of=\"$out\"")
  }

  @Test(
    "by nbdcopy, to a file and to a pipe", .requires("nbdcopy"),
    arguments: ["\"$out\"", "- >\"$out\"", "--synchronous \"$out\""])
  func nbdcopy(arguments: String) async throws {
    let image = try Sandbox.current().image("image")
    try await expectRead(
      image, from: "cat '\(image)'", by: "nbdcopy \"$uri\" \(arguments)")
  }

  @Test("from a compressed source", .requires("zstd"))
  func compressed() async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image")
    try await sandbox.succeed("zstd", "-q", image)
    try await expectRead(
      image, from: "zstd -dc '\(image).zst'",
      by: "qemu-img convert -f raw \"$uri\" -O qcow2 \"$out\"", format: "qcow2")
  }

  @Test("in any order, where rewind= is as large as the disk", arguments: [true, false])
  func anyOrder(spools: Bool) async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image")
    let packed = sandbox.path("packed.qcow2")
    // A qcow2 image has its tables in front of, behind and between its data.
    try await sandbox.succeed("qemu-img", "convert", "-f", "raw", "-O", "qcow2", image, packed)
    let size = contents(packed).count
    let out = sandbox.path("out")
    let fifo = sandbox.path("fifo")
    let nbdkit = try await sandbox.nbdkit(
      ["read=\(fifo)", "size=\(size)", "rewind=\(size)"]
        + (spools ? ["spool=\(sandbox.directory)"] : []),
      run: """
        cat '\(packed)' >'\(fifo)' &
        qemu-img convert -f qcow2 "$uri" -O raw '\(out)'
        """)
    #expect(try await nbdkit.exit() == .exited(0))
    expectEqual(out, image)
  }

  @Test("and is read-only", .requires("nbdinfo"), arguments: [[], ["-r"]])
  func advertised(options: [String]) async throws {
    let sandbox = try Sandbox.current()
    let nbdkit = try await sandbox.nbdkit(
      ["read=\(sandbox.path("fifo"))", "size=1M"], options: options)
    let told = try await sandbox.succeed("nbdinfo", "--json", "--no-content", nbdkit.uri).output
    let object = try JSONSerialization.jsonObject(with: Data(told.utf8)) as? [String: Any]
    let export = (object?["exports"] as? [[String: Any]])?.first
    #expect(export?["export-size"] as? Int == 1.mib)
    #expect(export?["is_read_only"] as? Bool == true)
    for capability in [
      "can_zero", "can_flush", "can_fua", "can_trim", "can_fast_zero", "can_multi_conn",
    ] {
      #expect(export?[capability] as? Bool == false, "\(capability)")
    }
    let map = try await sandbox.succeed("nbdinfo", "--map", nbdkit.uri)
    #expect(map.output.contains(/\A *0 +1048576 +0 +data\n\z/))
  }

  @Test("A client that writes is refused, and reads on", .requires("python3-libnbd"))
  func writing() async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image", size: 1.mib, data: [0..<1.mib])
    let fifo = try sandbox.fifo()
    let nbdkit = try await sandbox.nbdkit("read=\(fifo)", "size=1M")
    try await sandbox.writer("cat '\(image)'", to: fifo)
    let client = try await nbdkit.connect()
    #expect(try await client.ask("read 0 4096") == "pattern")
    for request in ["write 4096 4096", "zero 4096 4096", "trim 4096 4096"] {
      #expect(try await client.ask(request) == "EPERM")
    }
    #expect(try await client.ask("read 4096 \(1.mib - 4096)") == "pattern")
  }
}
