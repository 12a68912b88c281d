import Foundation
import Glibc
import Testing

/// What the other tests stand on, tried without our plugin.
@Suite("The harness", .endToEnd)
struct HarnessTests {
  @Test("kills what a test leaves behind")
  func orphans() async throws {
    let sandbox = try await Sandbox()
    let child = try await sandbox.start(["/bin/sh", "-c", "sleep 300 & sleep 300"])
    await sandbox.close()
    // A killed process is in the table until init has taken note.
    try await eventually("the group to be empty") { kill(-child.pid, 0) == -1 && errno == ESRCH }
    #expect(access(sandbox.directory, F_OK) == -1)
  }

  @Test("kills what a crash leaves behind")
  func crash() async throws {
    let note = try Sandbox.current().path("note")
    await #expect(processExitsWith: .signal(SIGKILL)) { [note = note as String] in
      let sandbox = try await Sandbox()
      let child = try await sandbox.start(["sleep", "300"])
      try "\(child.pid) \(sandbox.directory)".write(toFile: note, atomically: true, encoding: .utf8)
      kill(getpid(), SIGKILL)
    }
    let words = text(of: note).split(separator: " ").map(String.init)
    let group = try #require(pid_t(words[0]))
    try await eventually("the group to be empty") { kill(-group, 0) == -1 && errno == ESRCH }
    try await eventually("the directory to go") { access(words[1], F_OK) == -1 }
  }

  @Test("keeps output, errors and exit status apart")
  func status() async throws {
    let child = try await Sandbox.current().run("/bin/sh", "-c", "echo a; echo b >&2; exit 3")
    #expect(try await child.exit() == .exited(3))
    #expect(child.output == "a\n")
    #expect(child.errors == "b\n")
  }

  @Test("gives up waiting for a process that hangs")
  func hang() async throws {
    let child = try await Sandbox.current().start(["sleep", "60"])
    await #expect(throws: TimedOut.self) { try await child.exit(within: .milliseconds(50)) }
  }

  @Test("speaks NBD, and both halves agree on the pattern", .requires("nbdkit", "python3-libnbd"))
  func client() async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image", size: 4.mib, data: [1.mib..<2.mib + 7])
    let client = try await sandbox.nbdkit(image, plugin: "file").client()
    #expect(try await client.ask("connect") == "ok")
    #expect(try await client.ask("size") == "\(4.mib)")
    #expect(try await client.ask("read 0 \(1.mib)") == "zeroes")
    #expect(try await client.ask("read \(1.mib + 5) \(1.mib)") == "pattern")
    #expect(try await client.ask("read \(1.mib + 9) \(1.mib)") == "other")
    #expect(try await client.ask("write 4096 70000") == "ok")
    #expect(try await client.ask("zero 8192 4096") == "ok")
    #expect(try await client.ask("disconnect") == "ok")
    let found = Pattern.bytes(4096..<74096)
    #expect(contents(image)[4096..<8192] == found.prefix(4096))
    #expect(contents(image)[8192..<12288].allSatisfy { $0 == 0 })
    #expect(contents(image)[12288..<74096] == found.suffix(74096 - 12288))
  }
}
