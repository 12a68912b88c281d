import Testing

/// Examples/Hello and Examples/RAMDisk in the real server.
@Suite("The example plugins", .endToEnd)
struct ExampleTests {
  @Test("the smallest says hello", .requires("nbdkit", "nbdinfo", "nbdcopy"))
  func hello() async throws {
    let sandbox = try Sandbox.current()
    let nbdkit = try await sandbox.nbdkit(plugin: try Plugin.nested("nbdkit-hello-plugin"))
    let info = try await sandbox.succeed("nbdinfo", "--json", nbdkit.uri).output
    #expect(info.contains("\"export-size\": 512"))
    #expect(info.contains("\"is_read_only\": true"))
    #expect(try await nbdkit.content() == "Hello, world!\n" + String(repeating: "\0", count: 498))
  }

  @Test("the RAM disk is written, zeroed and trimmed by qemu", .requires("nbdkit", "qemu-io"))
  func requests() async throws {
    let sandbox = try Sandbox.current()
    let nbdkit = try await ramdisk(in: sandbox)
    // Two at a time, as far as qemu does: the plugin allows it.
    try await sandbox.succeed(
      "qemu-io", "-f", "raw", "-c", "aio_write -P 7 4096 192k", "-c", "aio_write -P 8 1M 64k",
      "-c", "aio_flush", "-c", "write -z -u 64k 64k", "-c", "discard 128k 4k", "-c", "flush",
      "-c", "read -P 0 0 4k", "-c", "read -P 7 4k 60k", "-c", "read -P 0 64k 68k",
      "-c", "read -P 7 132k 64k", "-c", "read -P 8 1M 64k", nbdkit.uri)
  }

  @Test("the RAM disk tells data from holes", .requires("nbdkit", "qemu-io", "nbdinfo"))
  func extents() async throws {
    let sandbox = try Sandbox.current()
    let nbdkit = try await ramdisk(in: sandbox)
    try await sandbox.succeed("qemu-io", "-f", "raw", "-c", "write -P 7 64k 64k", nbdkit.uri)
    let map = try await sandbox.succeed("nbdinfo", "--map", nbdkit.uri).output
    let extents = map.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
    #expect(extents == ["0 65536 3 hole,zero", "65536 65536 0 data", "131072 8257536 3 hole,zero"])
  }

  @Test(
    "the RAM disk has several exports, each a disk of its own",
    .requires("nbdkit", "qemu-io", "nbdinfo"))
  func exports() async throws {
    let sandbox = try Sandbox.current()
    let nbdkit = try await ramdisk(in: sandbox)
    let list = try await sandbox.succeed("nbdinfo", "--list", "--json", nbdkit.uri).output
    for text in [
      "\"export-name\": \"one\"", "\"export-name\": \"two\"", "\"description\": \"a RAM disk\"",
      "\"can_multi_conn\": true", "\"can_fast_zero\": true",
    ] { #expect(list.contains(text)) }
    let two = nbdkit.uri.replacing(":///", with: ":///two")
    try await sandbox.succeed("qemu-io", "-f", "raw", "-c", "write -P 7 0 512", two)
    try await sandbox.succeed("qemu-io", "-f", "raw", "-c", "read -P 7 0 512", two)
    try await sandbox.succeed("qemu-io", "-f", "raw", "-c", "read -P 0 0 512", nbdkit.uri)
    let three = nbdkit.uri.replacing(":///", with: ":///three")
    #expect(try await sandbox.run("nbdinfo", three).exit() == .exited(1))
    #expect(nbdkit.errorLines.contains("export 'three': there is none of that name"))
  }

  private func ramdisk(in sandbox: Sandbox) async throws -> Nbdkit {
    try await sandbox.nbdkit(
      "8M", "export=one", "export=two", plugin: try Plugin.nested("nbdkit-ramdisk-plugin"))
  }
}

extension Nbdkit {
  /// The whole disk, which is small and a text.
  func content() async throws -> String {
    let sandbox = try Sandbox.current()
    try await sandbox.succeed("nbdcopy", uri, sandbox.path("content"))
    return text(of: sandbox.path("content"))
  }
}
