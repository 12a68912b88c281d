import Glibc
import Testing

@Suite("read-command=", .endToEnd)
struct ReadCommandTests {
  @Test(
    "gives clients what the command writes, and waits for its end",
    .requires("nbdkit", "qemu-img", "zstd"))
  func whole() async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image")
    let report = sandbox.path("report")
    try await sandbox.succeed("zstd", "-q", image, "-o", "\(image).zst")
    let nbdkit = try await sandbox.nbdkit(
      "read-command=zstd -dc '\(image).zst'", "size=16M", "report=\(report)",
      run: "qemu-img convert -f raw \"$uri\" -O raw '\(sandbox.path("copy"))'")
    #expect(try await nbdkit.exit() == .exited(0))
    #expect(nbdkit.errors == "")
    expectEqual(sandbox.path("copy"), image)
    let found = try Report(report)
    #expect(found.outcome == "complete")
    #expect(found.exitStatus == 0)
  }

  /// A server whose command notes its process group, and a client.
  private func serve(
    _ script: String, _ parameters: String...
  ) async throws -> (nbdkit: Nbdkit, client: Client, group: pid_t) {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image", size: 1.mib, data: [0..<1.mib])
    let note = sandbox.path("group")
    let nbdkit = try await sandbox.nbdkit(
      ["read-command=echo $$ >'\(note)'; image='\(image)'; \(script)", "size=1M"]
        + ["report=\(sandbox.path("report"))"] + parameters)
    try await eventually("the command to start") { text(of: note).hasSuffix("\n") }
    let group = try #require(pid_t(text(of: note).dropLast()))
    return (nbdkit, try await nbdkit.connect(), group)
  }

  private func expectGone(_ group: pid_t) async throws {
    try await eventually("the command to be gone") { kill(-group, 0) == -1 && errno == ESRCH }
  }

  @Test(
    "that fails means EIO where its stream ends, with pad=true too",
    .requires("nbdkit", "python3-libnbd"), arguments: [false, true])
  func failing(pads: Bool) async throws {
    let (nbdkit, client, group) = try await serve(
      "head -c 98304 \"$image\"; exit 3", "pad=\(pads)")
    #expect(try await client.ask("read 0 \(64.kib)") == "pattern")
    #expect(try await client.ask("read \(64.kib) \(64.kib)") == "EIO")
    _ = try await client.ask("disconnect")
    try await nbdkit.stop()
    let report = try Report(try Sandbox.current().path("report"))
    #expect(report.outcome == "failed")
    #expect(report.exitStatus == 3)
    #expect(report.error?.contains("the command failed with exit status 3") == true)
    try await expectGone(group)
  }

  @Test(
    "that fails after it gave everything is a failure in the report",
    .requires("nbdkit", "python3-libnbd"))
  func failingLate() async throws {
    let (nbdkit, client, group) = try await serve("cat \"$image\"; exit 3")
    #expect(try await client.ask("read 0 \(1.mib)") == "pattern")
    _ = try await client.ask("disconnect")
    try await nbdkit.stop()
    let report = try Report(try Sandbox.current().path("report"))
    #expect(report.outcome == "failed")
    #expect(report.exitStatus == 3)
    try await expectGone(group)
  }

  @Test(
    "whose stream is left early is ended with everything it started",
    .requires("nbdkit", "python3-libnbd"))
  func leftEarly() async throws {
    let (nbdkit, client, group) = try await serve("cat \"$image\" | cat; sleep 600 | cat")
    #expect(try await client.ask("read 0 4096") == "pattern")
    _ = try await client.ask("disconnect")
    try await nbdkit.stop()
    #expect(try Report(try Sandbox.current().path("report")).outcome == "short")
    try await expectGone(group)
  }

  /// Gives 1 MiB, and then goes on for longer than any test.
  @Test(
    "that runs on after the whole disk is ended, and the outcome is unknown",
    .requires("nbdkit", "qemu-img"),
    arguments: [
      "with its output open": "sleep 297", "with its output closed": "exec >&-; sleep 297",
    ])
  func goesOn(how: String, end: String) async throws {
    let sandbox = try Sandbox.current()
    let report = sandbox.path("report")
    let note = sandbox.path("group")
    let nbdkit = try await sandbox.nbdkit(
      "read-command=echo $$ >'\(note)'; head -c 1M /dev/zero; \(end)", "size=1M",
      "report=\(report)",
      run: "qemu-img convert -f raw \"$uri\" -O raw '\(sandbox.path("copy"))'")
    #expect(try await nbdkit.exit() == .exited(0))
    let found = try Report(report)
    #expect(found.outcome == "unknown")
    #expect(found.error?.contains("10 seconds") == true)
    #expect(found.error?.hasSuffix("; the command was ended") == true)
    try await expectGone(try #require(pid_t(text(of: note).dropLast())))
  }

  @Test(
    "that closes its output too early and runs on means EIO where its stream ends",
    .requires("nbdkit", "qemu-img"))
  func closesEarly() async throws {
    let sandbox = try Sandbox.current()
    let report = sandbox.path("report")
    let nbdkit = try await sandbox.nbdkit(
      "read-command=head -c 512K /dev/zero; exec >&-; sleep 297", "size=1M", "report=\(report)",
      run: "qemu-img convert -f raw \"$uri\" -O raw '\(sandbox.path("copy"))' 2>/dev/null")
    #expect(try await nbdkit.exit() == .exited(1))
    let found = try Report(report)
    #expect(found.outcome == "failed")
    #expect(found.error?.contains("did not end within 10 seconds") == true)
  }

  @Test("is ended by a signal to nbdkit, as is the read", .requires("nbdkit", "python3-libnbd"))
  func signal() async throws {
    let (nbdkit, client, group) = try await serve("head -c 4096 \"$image\"; sleep 600")
    #expect(try await client.ask("read 0 4096") == "pattern")
    try client.send("read 4096 4096")
    try await Task.sleep(for: .milliseconds(300))
    #expect(client.isWaiting)
    try nbdkit.signal(SIGTERM)
    #expect(try await client.answer(within: .atOnce) == "ESHUTDOWN")
    try await nbdkit.child.exit(within: .atOnce)
    #expect(try Report(try Sandbox.current().path("report")).outcome == "failed")
    try await expectGone(group)
  }

  @Test("is ended when nbdkit is killed", .requires("nbdkit", "python3-libnbd"))
  func killed() async throws {
    let (nbdkit, client, group) = try await serve("cat \"$image\"; sleep 600")
    #expect(try await client.ask("read 0 4096") == "pattern")
    try nbdkit.signal(SIGKILL)
    try await nbdkit.child.exit()
    try await expectGone(group)
  }

  @Test("is not started if another endpoint is given too", .requires("nbdkit"))
  func twice() async throws {
    try await Refusal(
      "two endpoints", beside: ["read=fifo"], of: "read-command=true", called: "read-command",
      says: "second endpoint"
    ).check()
  }
}
