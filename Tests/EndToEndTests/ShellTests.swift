import Glibc
import Testing

@Suite(
  "In a shell, a descriptor carries the stream", .endToEnd,
  .requires("nbdkit", "qemu-img", "zstd", "bash"))
struct ShellTests {
  @Test("into a process that bash started: write-fd=7 7> >(zstd)")
  func processSubstitution() async throws {
    try await expectCompressed(
      """
      nbdkit -U - "$plugin" write-fd=7 size=16M report=report --run "$client" 7> >(
        zstd -q >out.zst; touch ended)
      """)
  }

  @Test("into the next one of a pipeline: pipe=- | zstd")
  func pipeline() async throws {
    try await expectCompressed(
      """
      nbdkit -U - "$plugin" pipe=- size=16M report=report --run "$client" | zstd -q >out.zst
      touch ended
      """)
  }

  @Test("into a FIFO that the shell opened")
  func opened() async throws {
    try await expectCompressed(
      """
      mkfifo fifo
      { zstd -q <fifo >out.zst; touch ended; } &
      exec 7>fifo
      nbdkit -U - "$plugin" write-fd=7 size=16M report=report --run "$client"
      """)
  }

  @Test("into a socket, which stays as it is, as does the shell's standard output")
  func socket() async throws {
    try await expectCompressed(
      """
      python3 -c '
      import os, socket, subprocess, sys
      ours, its = socket.socketpair()
      os.dup2(ours.fileno(), 7)
      reader = subprocess.Popen("zstd -q >out.zst; touch ended", shell=True, stdin=its)
      its.close(); ours.close()
      subprocess.run(sys.argv[1:], pass_fds=[7], check=True)
      assert os.get_blocking(7)
      ' nbdkit -U - "$plugin" write-fd=7 size=16M report=report --run "$client; echo hello"
      """, output: "hello\n")
  }

  @Test("and the reader of a daemon's stream sees the end, although its shell still runs")
  func daemon() async throws {
    try await expectCompressed(
      """
      nbdkit -U socket -P pid "$plugin" write-fd=7 size=16M report=report 7> >(
        zstd -q >out.zst; touch ended)
      uri=nbd+unix:///?socket=socket sh -c "$client"
      kill $(cat pid)
      """)
  }

  /// Runs a script in bash: `$plugin` is the plugin, `$client` a command that writes an image of
  /// 16 MiB; it compresses the stream into `out.zst` and then makes the file `ended`.
  private func expectCompressed(
    _ script: String, output: String = "", sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image")
    let shell = try await sandbox.start([
      "env", "-C", sandbox.directory, "plugin=\(try Plugin.path())",
      "client=qemu-img convert -n -f raw -O raw image \"$uri\"", "bash", "-ec", script,
    ])
    #expect(try await shell.exit() == .exited(0), sourceLocation: sourceLocation)
    #expect(shell.errors == "", sourceLocation: sourceLocation)
    #expect(shell.output == output, sourceLocation: sourceLocation)
    for file in ["ended", "report"] {
      try await eventually("\(file)") { access(sandbox.path(file), F_OK) == 0 }
    }
    try await sandbox.succeed("zstd", "-qd", sandbox.path("out.zst"), "-o", sandbox.path("out"))
    expectEqual(sandbox.path("out"), image, sourceLocation: sourceLocation)
    #expect(
      try Report(sandbox.path("report")).outcome == "complete", sourceLocation: sourceLocation)
  }
}
