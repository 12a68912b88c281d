import Foundation
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

  @Test(
    "stopped while it copies, ends, leaves nothing, and the command never sees an end",
    arguments: [SIGTERM, SIGINT, SIGHUP])
  func stopped(signal: CInt) async throws {
    let publisher = try Publisher()
    let script = try await startWaiting(publisher)
    script.signal(signal)
    #expect(try await script.exit() == .exited(1))
    #expect(!publisher.hasPublished)
    try await publisher.vanish()
    #expect(try leftovers() == [])
  }

  @Test("stopped at any moment, leaves nothing", arguments: [SIGTERM, SIGINT, SIGHUP])
  func stoppedAnyTime(signal: CInt) async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image", size: 8.mib, data: [0..<8.mib])
    for milliseconds in stride(from: 0, to: 300, by: 30) {
      let publisher = try Publisher("publisher\(milliseconds)")
      let script = try await start(image, "cat >part; mv part whole", publisher)
      try await Task.sleep(for: .milliseconds(milliseconds))
      script.signal(signal)
      try await script.exit()
      #expect(try leftovers() == [])
    }
  }

  /// Images that name another file of this machine, from which a guest must get nothing.
  static let traps = [
    "a qcow2 with a backing file":
      "qemu-img create -q -f qcow2 -u -b \"$secret\" -F raw trap 1M",
    "a qcow2 with an external data file":
      "qemu-img create -q -f qcow2 -o data_file=\"$secret\",data_file_raw=on trap 1M",
    "a vmdk of another file's bytes":
      """
    printf '%s\\n' '# Disk DescriptorFile' version=1 CID=1 parentCID=ffffffff \\
      'createType="monolithicFlat"' "RW 2048 FLAT \\"$secret\\" 0" >trap
    """,
  ]

  @Test(
    "refuses an image that is found to name other files, unless its format is given",
    arguments: traps.keys)
  func trap(what: String) async throws {
    let sandbox = try Sandbox.current()
    let secret = try sandbox.image("secret", size: 1.mib, data: [0..<1.mib])
    try await sandbox.succeed(
      "env", "-C", sandbox.directory, "secret=\(secret)", "/bin/sh", "-ec",
      try #require(Self.traps[what]))
    let publisher = try Publisher()
    let refused = try await start(sandbox.path("trap"), "cat >part; mv part whole", publisher)
    #expect(try await refused.exit() == .exited(1))
    #expect(refused.errors.contains("-f raw"))
    #expect(!publisher.hasPublished)

    let raw = try await start(
      sandbox.path("trap"), "cat >part; mv part whole", publisher, format: "raw")
    #expect(try await raw.exit() == .exited(0))
    let trap = beginning(of: sandbox.path("trap"))
    #expect(beginning(of: publisher.whole) == trap)
  }

  @Test("is told the format, and a name that a later start does not trip over, by unit and Job")
  func examples() {
    for file in ["deploy/job.yaml", "deploy/stream-disk@.service"] {
      let text = EndToEndTests.text(of: "\(packageRoot)/\(file)")
      #expect(text.contains("-f"))
      #expect(text.contains(".part && sync"))
      #expect(!text.contains("-o /backup"))
    }
  }

  private func beginning(of path: String) -> Data {
    (FileManager.default.contents(atPath: path) ?? Data()).prefix(100)
  }

  /// What is in the directory for temporary files.
  private func leftovers() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: try Sandbox.current().path("tmp"))
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
    _ image: String, _ command: String, _ publisher: Publisher, format: String? = nil
  ) async throws -> Child {
    let sandbox = try Sandbox.current()
    try await sandbox.succeed(
      "/bin/sh", "-ec",
      """
      mkdir -p '\(sandbox.path("bin"))' '\(sandbox.path("tmp"))'
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
    let options = format.map { ["-f", $0] } ?? []
    return try await sandbox.start(
      [
        "env", "PATH=\(sandbox.path("bin")):\(path)", "TMPDIR=\(sandbox.path("tmp"))",
        "\(packageRoot)/deploy/stream-disk",
      ] + options + [image, String(parameter.dropFirst("write-command=".count))])
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
