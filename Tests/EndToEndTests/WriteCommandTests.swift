import Glibc
import Testing

@Suite("write-command=", .endToEnd)
struct WriteCommandTests {
  @Test(
    "gives the command a whole disk, and waits for its exit status",
    .requires("nbdkit", "qemu-img"), arguments: Publisher.ways.keys)
  func whole(way: String) async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image")
    let publisher = try Publisher()
    let report = sandbox.path("report")
    let nbdkit = try await sandbox.nbdkit(
      publisher.command(try #require(Publisher.ways[way])), "size=16M", "report=\(report)",
      run: "qemu-img convert -n -f raw -O raw '\(image)' \"$uri\"")
    #expect(try await nbdkit.exit() == .exited(0))
    #expect(nbdkit.errors == "")
    expectEqual(publisher.whole, image)
    let found = try Report(report)
    #expect(found.outcome == "complete")
    #expect(found.exitStatus == 0)
    try await publisher.vanish()
  }

  @Test(
    "that is killed fails the next write, and publishes nothing",
    .requires("nbdkit", "python3-libnbd"))
  func killedCommand() async throws {
    let sandbox = try Sandbox.current()
    let publisher = try Publisher()
    let report = sandbox.path("report")
    let nbdkit = try await sandbox.nbdkit(
      publisher.command("cat >part; mv part whole"), "size=1M", "report=\(report)")
    let client = try await nbdkit.connect()
    #expect(try await client.ask("write 0 \(512.kib)") == "ok")
    kill(-(try await publisher.group()), SIGKILL)
    try await publisher.vanish()
    #expect(try await client.ask("write \(512.kib) \(512.kib)") == "EIO")
    _ = try await client.ask("disconnect")
    try await nbdkit.stop()
    #expect(try Report(report).outcome == "failed")
    #expect(try Report(report).exitStatus == 137)
    #expect(!publisher.hasPublished)
  }

  // MARK: Failures

  /// What goes wrong between nbdkit's start and its end, and the exit of both.
  struct Mishap: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let happen: @Sendable (Nbdkit) async throws -> Void

    static let all = [
      Mishap(testDescription: "no client comes") { try await $0.stop() },
      Mishap(testDescription: "the client writes too little") { nbdkit in
        let client = try await nbdkit.connect()
        #expect(try await client.ask("write 0 \(512.kib)") == "ok")
        #expect(try await client.ask("disconnect") == "ok")
        try await nbdkit.stop()
      },
      Mishap(testDescription: "a request fails") { nbdkit in
        let client = try await nbdkit.connect()
        #expect(try await client.ask("write 0 \(512.kib)") == "ok")
        #expect(try await client.ask("write 512 512") == "EIO")
        #expect(try await client.ask("write \(512.kib) \(512.kib)") == "EIO")
        #expect(try await client.ask("disconnect") == "ok")
        try await nbdkit.stop()
      },
      Mishap(testDescription: "the client dies in a request") { nbdkit in
        let client = try await nbdkit.connect()
        #expect(try await client.ask("write 0 \(512.kib)") == "ok")
        #expect(try await client.ask("half-write \(512.kib) \(512.kib)") == "ok")
        try await client.die()
        try await nbdkit.stop()
      },
      Mishap(testDescription: "nbdkit is stopped with a client connected") { nbdkit in
        let client = try await nbdkit.connect()
        #expect(try await client.ask("write 0 \(512.kib)") == "ok")
        try nbdkit.signal(SIGTERM)
        _ = try await client.ask("disconnect")
        try await nbdkit.child.exit()
      },
      Mishap(testDescription: "nbdkit and all of its group get a SIGINT") { nbdkit in
        let client = try await nbdkit.connect()
        #expect(try await client.ask("write 0 \(512.kib)") == "ok")
        #expect(try await client.ask("disconnect") == "ok")
        kill(-nbdkit.child.pid, SIGINT)
        try await nbdkit.child.exit()
      },
      Mishap(testDescription: "nbdkit and all of its group are killed") { nbdkit in
        let client = try await nbdkit.connect()
        #expect(try await client.ask("write 0 \(512.kib)") == "ok")
        nbdkit.child.killGroup()
        try await nbdkit.child.exit()
      },
    ]
  }

  @Test(
    "ends the command before its input when", .requires("nbdkit", "python3-libnbd"),
    arguments: Mishap.all, Publisher.ways.keys)
  func none(mishap: Mishap, way: String) async throws {
    let publisher = try Publisher()
    let nbdkit = try await Sandbox.current().nbdkit(
      publisher.command(try #require(Publisher.ways[way])), "size=1M")
    let supervisor = try await publisher.supervisor()
    try await mishap.happen(nbdkit)
    try await publisher.vanish()
    #expect(!publisher.hasPublished)
    try await eventually("the supervisor to be gone") { kill(supervisor, 0) == -1 }
  }

  @Test(
    "publishes no half disk in 50 kills of nbdkit at random moments",
    .requires("nbdkit", "python3-libnbd"))
  func kills() async throws {
    let sandbox = try Sandbox.current()
    let rounds = try await sandbox.run(
      Client.python, scriptPath("kills.py"),
      sandbox.path("rounds"), try Plugin.path(), "50")
    #expect(try await rounds.exit() == .exited(0))
    #expect(rounds.output == "50 killed, 0 half disks published, 0 processes left\n")
  }

  @Test("kills a command that ignores SIGTERM", .requires("nbdkit"))
  func stubborn() async throws {
    let publisher = try Publisher()
    let report = try Sandbox.current().path("report")
    let nbdkit = try await Sandbox.current().nbdkit(
      publisher.command("trap '' TERM; touch ready; cat >part; mv part whole"), "size=1M",
      "report=\(report)")
    try await eventually("the trap to be set") { access("\(publisher.directory)/ready", F_OK) == 0 }
    try await nbdkit.stop()
    try await publisher.vanish()
    #expect(!publisher.hasPublished)
    #expect(try Report(report).exitStatus == 128 + Int(SIGKILL))
    #expect(nbdkit.errorLines.last?.contains("; the command was ended; ") == true)
  }

  @Test(
    "fails the stream if the supervisor was killed, and kills the command",
    .requires("nbdkit", "python3-libnbd"))
  func supervisorKilled() async throws {
    let publisher = try Publisher()
    let report = try Sandbox.current().path("report")
    let nbdkit = try await Sandbox.current().nbdkit(
      publisher.command("cat >part; mv part whole"), "size=64K", "report=\(report)")
    let supervisor = try await publisher.supervisor()
    #expect(text(of: "/proc/\(supervisor)/comm") == "stream-command\n")
    kill(supervisor, SIGKILL)
    try await eventually("it to be dead") { text(of: "/proc/\(supervisor)/cmdline") == "" }
    let client = try await nbdkit.connect()
    #expect(try await client.ask("write 0 \(64.kib)") == "ok")
    #expect(try await client.ask("disconnect") == "ok")
    try await nbdkit.stop()
    try await publisher.vanish()
    #expect(!publisher.hasPublished)
    #expect(try Report(report).outcome == "failed")
    #expect(nbdkit.errorLines.last?.contains("the command's supervisor was killed") == true)
  }
}
