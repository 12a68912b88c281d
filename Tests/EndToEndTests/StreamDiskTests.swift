import Glibc
import Testing

@Suite("deploy/stream-disk", .endToEnd, .requires("nbdkit", "qemu-img", "jq"))
struct StreamDiskTests {
  @Test("streams a disk into the command, says so and succeeds")
  func whole() async throws {
    let image = try Sandbox.current().image("image")
    let publisher = try Publisher()
    let script = try await start(image, "cat >part; mv part whole", publisher)
    #expect(try await script.exit() == .exited(0))
    expectEqual(publisher.whole, image)
    #expect(script.output.contains("\"outcome\": \"complete\""))
  }

  @Test("fails if the command does")
  func failingCommand() async throws {
    let image = try Sandbox.current().image("image")
    let script = try await start(image, "cat >part; exit 3", try Publisher())
    #expect(try await script.exit() == .exited(1))
    #expect(script.output.contains("\"outcome\": \"failed\""))
  }

  @Test("fails if the client does, and the command never sees an end")
  func failingClient() async throws {
    let publisher = try Publisher()
    let script = try await startWaiting(publisher)
    kill(try #require(client(of: script)), SIGKILL)
    #expect(try await script.exit() == .exited(1))
    #expect(!publisher.hasPublished)
    try await publisher.vanish()
  }

  @Test("starts no command for a disk that can't be read")
  func missing() async throws {
    let publisher = try Publisher()
    let script = try await start("missing", "true", publisher)
    #expect(try await script.exit() == .exited(1))
    #expect(script.errors.contains("missing"))
    #expect(access("\(publisher.directory)/group", F_OK) == -1)
  }

  @Test("stopped while it copies, ends, and the command never sees an end")
  func stopped() async throws {
    let publisher = try Publisher()
    let script = try await startWaiting(publisher)
    script.signal(SIGTERM)
    #expect(try await script.exit() == .exited(1))
    #expect(!publisher.hasPublished)
    try await publisher.vanish()
  }

  @Test("stopped when all is copied, gives the command the time to take it")
  func stoppedAtTheEnd() async throws {
    let sandbox = try Sandbox.current()
    // Less than the pipe holds: the client is done before the command has begun.
    let image = try sandbox.image("image", size: 512.kib, data: [0..<512.kib])
    let gate = try sandbox.fifo("gate")
    let publisher = try Publisher()
    let script = try await start(
      image, "read go <'\(gate)'; cat >part; mv part whole", publisher)
    try await eventually("the client to come and go") {
      // stream-disk has one child left, and ignores SIGTERM.
      children(of: script).count == 1 && ignoresTermination(script)
    }
    script.signal(SIGTERM)
    try await sandbox.succeed("sh", "-c", "echo go >'\(gate)'")
    #expect(try await script.exit() == .exited(0))
    expectEqual(publisher.whole, image)
  }

  /// A client that waits for a command that does not read.
  private func startWaiting(_ publisher: Publisher) async throws -> Child {
    // More than the pipe holds.
    let image = try Sandbox.current().image("image", size: 8.mib, data: [0..<8.mib])
    let script = try await start(image, "sleep 60; cat >part; mv part whole", publisher)
    _ = try await publisher.group()
    try await eventually("the client to start") { client(of: script) != nil }
    return script
  }

  /// With the plugin under test in the place of an installed one.
  private func start(
    _ image: String, _ command: String, _ publisher: Publisher
  ) async throws -> Child {
    let sandbox = try Sandbox.current()
    try await sandbox.succeed(
      "/bin/sh", "-ec",
      """
      mkdir '\(sandbox.path("bin"))'
      cat >'\(sandbox.path("bin/nbdkit"))' <<END
      #!/bin/sh
      for word; do
        shift
        [ "\\$word" != streaming ] || word='\(try Plugin.path())'
        set -- "\\$@" "\\$word"
      done
      exec $(command -v nbdkit) "\\$@"
      END
      chmod +x '\(sandbox.path("bin/nbdkit"))'
      """)
    let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
    let parameter = publisher.command(command)
    return try await sandbox.start([
      "env", "PATH=\(sandbox.path("bin")):\(path)", "\(packageRoot)/deploy/stream-disk", image,
      String(parameter.dropFirst("write-command=".count)),
    ])
  }

  private func children(of child: Child) -> [pid_t] {
    text(of: "/proc/\(child.pid)/task/\(child.pid)/children").split(separator: " ")
      .compactMap { pid_t($0) }
  }

  private func client(of script: Child) -> pid_t? {
    children(of: script).first { text(of: "/proc/\($0)/comm") == "qemu-img\n" }
  }

  private func ignoresTermination(_ child: Child) -> Bool {
    let mask = text(of: "/proc/\(child.pid)/status").firstMatch(of: /SigIgn:\s*([0-9a-f]+)/)?.1
    return mask.flatMap { UInt64($0, radix: 16) }.map { $0 & 1 << (SIGTERM - 1) != 0 } ?? false
  }
}
