import Glibc
import Testing

/// Ways to start nbdkit, other than in the foreground by the user whose the disk is.
@Suite("A command has its whole disk, and nothing less,", .endToEnd)
struct CommandPlaceTests {
  @Test(
    "from nbdkit in the background", .requires("nbdkit", "qemu-img"), arguments: [true, false])
  func daemon(isWhole: Bool) async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image")
    let publisher = try Publisher()
    let (socket, pid) = (sandbox.path("socket"), sandbox.path("pid"))
    try await sandbox.succeed(
      "nbdkit", "-U", socket, "-P", pid, try Plugin.path(),
      publisher.command("cat >part; mv part whole"), "size=\(isWhole ? 16 : 17)M",
      "report=\(sandbox.path("report"))")
    let supervisor = try await publisher.supervisor()
    try await sandbox.succeed(
      "qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", image,
      "nbd+unix:///?socket=\(socket)")
    try await sandbox.succeed("/bin/sh", "-c", "kill $(cat '\(pid)')")
    try await eventually("the report") { access(sandbox.path("report"), F_OK) == 0 }
    try await publisher.vanish()
    try await eventually("the supervisor to be gone") { kill(supervisor, 0) == -1 }
    #expect(publisher.hasPublished == isWhole)
    if isWhole { expectEqual(publisher.whole, image) }
    #expect(try Report(sandbox.path("report")).outcome == (isWhole ? "complete" : "short"))
  }

  @Test(
    "from nbdkit -s, and what it prints does not reach the client",
    .requires("nbdkit", "python3-libnbd"), arguments: [true, false])
  func singleConnection(isWhole: Bool) async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image")
    let publisher = try Publisher()
    let client = try await sandbox.succeed(
      Client.python, scriptPath("single.py"), "write", image, "nbdkit", "-s", try Plugin.path(),
      "size=\(isWhole ? 16 : 17)M", "report=\(sandbox.path("report"))",
      publisher.command("cat >part; echo got it all; mv part whole"))
    // It does not wait for nbdkit's end.
    try await eventually("the report") { access(sandbox.path("report"), F_OK) == 0 }
    try await publisher.vanish()
    #expect(publisher.hasPublished == isWhole)
    if isWhole { expectEqual(publisher.whole, image) }
    #expect(client.errors.contains("got it all") == isWhole)
    #expect(try Report(sandbox.path("report")).outcome == (isWhole ? "complete" : "short"))
  }

  @Test(
    "with nbdkit's -u as that user", .requires("root", "nbdkit", "qemu-img"),
    arguments: [true, false])
  func otherUser(isWhole: Bool) async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image")
    let publisher = try Publisher()
    try await sandbox.succeed("chown", "nobody", publisher.directory)
    let nbdkit = try await sandbox.nbdkit(
      publisher.command("cat >part; mv part whole"), "size=\(isWhole ? 16 : 17)M",
      options: ["-u", "nobody"])
    try await sandbox.succeed(
      "qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", image, nbdkit.uri)
    try await nbdkit.stop()
    try await publisher.vanish()
    #expect(publisher.hasPublished == isWhole)
    guard isWhole else { return }
    expectEqual(publisher.whole, image)
    let stat = try await sandbox.succeed("stat", "-c", "%U", publisher.whole)
    #expect(stat.output == "nobody\n")
  }

  @Test(
    "and gives one to nbdkit in the background, with -s and with -u",
    .requires("root", "nbdkit", "nbdcopy", "python3-libnbd"))
  func reading() async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image")
    try await sandbox.succeed("chmod", "644", image)
    let read = ["read-command=id -un >&2; cat '\(image)'", "size=16M"]
    let plugin = try await Plugin.readableByAll()

    let (socket, pid) = (sandbox.path("socket"), sandbox.path("pid"))
    try await sandbox.succeed(["nbdkit", "-U", socket, "-P", pid, plugin] + read)
    try await sandbox.succeed("nbdcopy", "nbd+unix:///?socket=\(socket)", sandbox.path("daemon"))
    try await sandbox.succeed("/bin/sh", "-c", "kill $(cat '\(pid)')")
    expectEqual(sandbox.path("daemon"), image)

    try await sandbox.succeed(
      [
        Client.python, scriptPath("single.py"), "read", sandbox.path("single"), "nbdkit", "-s",
        plugin,
      ]
        + read)
    expectEqual(sandbox.path("single"), image)

    let nbdkit = try await sandbox.nbdkit(read, options: ["-u", "nobody"])
    try await sandbox.succeed("nbdcopy", nbdkit.uri, sandbox.path("user"))
    try await nbdkit.stop()
    expectEqual(sandbox.path("user"), image)
    #expect(nbdkit.log == "nobody\n")
  }
}
