import Glibc
import Testing

@Suite("On the command line", .endToEnd, .requires("nbdkit"))
struct CommandLineTests {
  @Test("--version tells nbdkit's version and the plugin's")
  func version() async throws {
    let lines = try await Plugin.ask("--version").split(separator: "\n")
    #expect(lines.count == 2)
    #expect(lines.first?.wholeMatch(of: /nbdkit \d+\.\d+\.\d+.*/) != nil)
    #expect(lines.last?.wholeMatch(of: /streaming \d+\.\d+\.\d+/) != nil)
  }

  @Test("--dump-plugin tells what the plugin can do")
  func dump() async throws {
    let lines = try await Plugin.ask("--dump-plugin").split(separator: "\n")
    for line: Substring in [
      "name=streaming", "api_version=2", "magic_config_key=pipe",
      "thread_model=serialize_requests", "has_pwrite=1", "has_zero=1", "has_trim=1",
      "has_flush=1", "has_can_fua=1", "has_extents=1", "has_after_fork=1",
      // 2^63 - 2^30, the largest that qemu accepts.
      "streaming_default_size=9223372035781033984",
    ] {
      #expect(lines.contains(line))
    }
  }

  @Test("what --dump-plugin adds to nbdkit's own lines begins with streaming_")
  func dumpedKeys() async throws {
    let keys = try await Plugin.ask("--dump-plugin").split(separator: "\n").map {
      $0.prefix { $0 != "=" }
    }
    let own: Set<Substring> = [
      "path", "name", "version", "api_version", "struct_size", "max_thread_model",
      "thread_model", "errno_is_preserved", "magic_config_key",
    ]
    let added = keys.filter { !own.contains($0) && !$0.hasPrefix("has_") }
    #expect(!added.isEmpty)
    for key in added { #expect(key.hasPrefix("streaming_")) }
  }

  @Test(
    "the C plugin's own command works, with relative paths, and with pipe= left out",
    .requires("qemu-img"), arguments: ["", "pipe=", "write="])
  func seed(key: String) async throws {
    let sandbox = try Sandbox.current()
    let input = try sandbox.image("input")
    let reader = try await sandbox.start([
      "/bin/sh", "-c",
      "cd '\(sandbox.directory)'; until test -p output; do sleep 0.01; done; "
        + "exec cat output >stream",
    ])
    let nbdkit = try await sandbox.start([
      "env", "-C", sandbox.directory, "nbdkit", "-U", sandbox.path("nbd.sock"), try Plugin.path(),
      "\(key)output", "--run", "qemu-img convert -f raw -n input -O raw $nbd",
    ])
    #expect(try await nbdkit.exit() == .exited(0))
    #expect(nbdkit.errors == "")
    #expect(try await reader.exit() == .exited(0))
    expectEqual(sandbox.path("stream"), input)
    #expect(access(sandbox.path("output"), F_OK) == -1, "the FIFO was made, so it is removed")
  }

  @Test("the plugin shows one name to the linker and needs nothing of Swift", .requires("nm"))
  func standsAlone() async throws {
    try await Sandbox.current().succeed(
      "\(packageRoot)/scripts/check-plugin.sh", try Plugin.path())
  }
}
