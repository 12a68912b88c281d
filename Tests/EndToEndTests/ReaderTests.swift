import Testing

@Suite("Readers get every byte", .endToEnd, .requires("nbdkit", "qemu-img"))
struct ReaderTests {
  @Test(
    "of a FIFO, even if they pass its pages on unread",
    .requires("pv", "zstd"),
    arguments: [
      "cat", "sh -c 'zstd -qc | zstd -qdc'", "dd bs=512", "dd bs=1M iflag=fullblock", "pv -q",
      // splice all the way: nothing the plugin sent may change before it is written.
      "sh -c 'pv -q | pv -q'", "sh -c 'pv -q | (sleep 0.2; cat)'",
    ])
  func fifo(reader: String) async throws {
    let image = try Sandbox.current().image("image")
    try await expectStreamed(image, by: convert(image), size: 16.mib, to: reader)
  }

  @Test("of a UNIX socket", .requires("socat"))
  func socket() async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image")
    let (reader, socket) = try await sandbox.socketReader()
    let nbdkit = try await sandbox.nbdkit("pipe=\(socket)", "size=16M", run: convert(image))
    #expect(try await nbdkit.exit() == .exited(0))
    try await reader.end()
    expectEqual(reader.file, image)
  }

  @Test("of standard output, which is pipe=-")
  func standardOutput() async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image")
    let stream = sandbox.path("stream")
    let shell = try await sandbox.start([
      "/bin/sh", "-c",
      "(nbdkit -U - \"$1\" pipe=- size=16M --run \"$2\"; echo $? >&2) | cat >'\(stream)'",
      "sh", try Plugin.path(), convert(image),
    ])
    try await shell.exit()
    #expect(shell.errors == "0\n")
    expectEqual(stream, image)
  }

  private func convert(_ image: String) -> String {
    "qemu-img convert -n -f raw -O raw '\(image)' \"$uri\""
  }
}
