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
    "a directory they may not write is an error line and a refused connection",
    .requires("root", "nbdkit", "python3-libnbd"))
  func forbidden() async throws {
    let sandbox = try Sandbox.current()
    let directory = sandbox.path("ours")
    try await sandbox.succeed("install", "-d", "-m", "755", directory)
    let fifo = "\(directory)/fifo"
    let nbdkit = try await sandbox.nbdkit("pipe=\(fifo)", options: ["-u", "nobody"])
    try await expectRefused(nbdkit, naming: fifo)
  }

  @Test(
    "a FIFO they may not write is an error line and a refused connection",
    .requires("root", "nbdkit", "python3-libnbd"))
  func forbiddenFIFO() async throws {
    let sandbox = try Sandbox.current()
    let fifo = try sandbox.fifo()
    let nbdkit = try await sandbox.nbdkit("pipe=\(fifo)", options: ["-u", "nobody"])
    try await expectRefused(nbdkit, naming: fifo)
    #expect(access(fifo, F_OK) == 0)
  }

  private func expectRefused(_ nbdkit: Nbdkit, naming fifo: String) async throws {
    let client = try await nbdkit.client()
    #expect(try await client.ask("connect", within: .seconds(10)) == "refused")
    #expect(nbdkit.errorLines.contains { $0.contains(fifo) })
    try await nbdkit.stop()
  }
}
