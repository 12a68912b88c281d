import Glibc
import Testing

@Suite("With -u nobody", .endToEnd)
struct OtherUserTests {
  @Test("the FIFO is that user's", .requires("root", "nbdkit", "python3-libnbd"))
  func owner() async throws {
    let sandbox = try Sandbox.current()
    let directory = sandbox.path("theirs")
    try await sandbox.succeed("install", "-d", "-o", "nobody", directory)
    let fifo = "\(directory)/fifo"
    let nbdkit = try await sandbox.nbdkit("pipe=\(fifo)", "size=64K", options: ["-u", "nobody"])
    let stat = try await sandbox.succeed("stat", "-c", "%U %a %F", fifo)
    #expect(stat.output == "nobody 600 fifo\n")

    let reader = try await sandbox.reader(of: fifo)
    let client = try await nbdkit.connect()
    #expect(try await client.ask("write 0 \(64.kib)") == "ok")
    #expect(try await client.ask("disconnect") == "ok")
    try await nbdkit.stop()
    try await reader.end()
    expectContent(of: reader.file, .data(64.kib))
    #expect(access(fifo, F_OK) == -1, "the plugin made it, so it removes it")
  }

  @Test(
    "a directory they may not write is an error line and a refused client, not one that hangs",
    .requires("root", "nbdkit", "qemu-img"))
  func forbidden() async throws {
    let sandbox = try Sandbox.current()
    let directory = sandbox.path("ours")
    try await sandbox.succeed("install", "-d", "-m", "755", directory)
    let fifo = "\(directory)/fifo"
    let image = try sandbox.image("image")
    // With --run nbdkit's waiting half holds the socket, whatever becomes of the serving one.
    let nbdkit = try await sandbox.nbdkit(
      "pipe=\(fifo)", options: ["-u", "nobody"],
      run: "qemu-img convert -n -f raw -O raw '\(image)' \"$uri\"")
    #expect(try await nbdkit.exit() == .exited(1))
    #expect(nbdkit.errors.split(separator: "\n").contains { $0.contains("error: pipe=\(fifo): ") })
  }

  @Test(
    "a FIFO they may not write is an error line and a refused connection",
    .requires("root", "nbdkit", "python3-libnbd"))
  func forbiddenFIFO() async throws {
    let sandbox = try Sandbox.current()
    let fifo = try sandbox.fifo()
    let nbdkit = try await sandbox.nbdkit("pipe=\(fifo)", options: ["-u", "nobody"])
    let client = try await nbdkit.client()
    #expect(try await client.ask("connect") == "refused")
    #expect(nbdkit.errorLines.contains { $0.contains(fifo) })
    try await nbdkit.stop()
    #expect(access(fifo, F_OK) == 0, "it is not ours to remove")
  }
}
