import Glibc
import Testing

@Suite("A stream is read from", .endToEnd, .requires("nbdkit", "nbdcopy"))
struct ReadingEndpointsTests {
  @Test("a FIFO that was there, and stays")
  func fifo() async throws {
    let sandbox = try Sandbox.current()
    let fifo = try sandbox.fifo()
    try await expectCopied(
      """
      cat image >fifo &
      nbdkit -U - "$plugin" read=fifo size=16M report=report --run 'nbdcopy "$uri" out'
      """)
    #expect(access(fifo, F_OK) == 0)
  }

  @Test("a FIFO that is made, for its owner alone, and removed")
  func madeFIFO() async throws {
    try await expectCopied(
      """
      nbdkit -U - "$plugin" read=fifo size=16M report=report --run '
        test "$(stat -c "%a %F" fifo)" = "600 fifo" || exit
        cat image >fifo & nbdcopy "$uri" out'
      """)
    #expect(access(try Sandbox.current().path("fifo"), F_OK) == -1)
  }

  @Test("a UNIX socket", .requires("socat"))
  func socket() async throws {
    try await expectCopied(
      """
      socat -u OPEN:image UNIX-LISTEN:"$PWD/socket" &
      until grep -q " 00010000 .* $PWD/socket" /proc/net/unix; do sleep 0.01; done
      nbdkit -U - "$plugin" read=socket size=16M report=report --run 'nbdcopy "$uri" out'
      """)
  }

  @Test(
    "standard input, from the program before it in a pipeline: zstd -dc | read=-",
    .requires("zstd"))
  func standardInput() async throws {
    try await expectCopied(
      """
      zstd -q image
      zstd -dc image.zst |
        nbdkit -U - "$plugin" read=- size=16M report=report --run 'nbdcopy "$uri" out'
      """)
  }

  @Test("a descriptor: read-fd=7 7< <(zstd -dc)", .requires("zstd"))
  func descriptor() async throws {
    try await expectCopied(
      """
      zstd -q image
      nbdkit -U - "$plugin" read-fd=7 size=16M report=report --run 'nbdcopy "$uri" out' \\
        7< <(zstd -dc image.zst)
      """)
  }

  @Test("a socket for a descriptor, which stays as it is", .requires("python3"))
  func socketDescriptor() async throws {
    try await expectCopied(
      """
      python3 -c '
      import os, socket, subprocess, sys
      ours, its = socket.socketpair()
      writer = subprocess.Popen(["cat", "image"], stdout=its)
      its.close()
      os.dup2(ours.fileno(), 7)
      subprocess.run(sys.argv[1:], pass_fds=[7], check=True)
      assert os.get_blocking(7)
      ' nbdkit -U - "$plugin" read-fd=7 size=16M report=report --run 'nbdcopy "$uri" out'
      """)
  }

  @Test("a character device, which has more than size=")
  func device() async throws {
    let sandbox = try Sandbox.current()
    let report = sandbox.path("report")
    let out = sandbox.path("out")
    let nbdkit = try await sandbox.nbdkit(
      "read=/dev/zero", "size=1M", "report=\(report)", run: "nbdcopy \"$uri\" '\(out)'")
    #expect(try await nbdkit.exit() == .exited(0))
    expectContent(of: out, .zeroes(1.mib))
    #expect(try Report(report).outcome == "failed")
    #expect(try Report(report).error?.contains("more bytes than size=") == true)
  }

  @Test(
    "another user's FIFO in a directory of theirs, with -u", .requires("root"))
  func otherUser() async throws {
    let sandbox = try Sandbox.current()
    let directory = sandbox.path("theirs")
    try await sandbox.succeed("install", "-d", "-o", "nobody", directory)
    let fifo = "\(directory)/fifo"
    let image = try sandbox.image("image")
    let nbdkit = try await sandbox.nbdkit("read=\(fifo)", "size=16M", options: ["-u", "nobody"])
    #expect(
      try await sandbox.succeed("stat", "-c", "%U %a %F", fifo).output == "nobody 600 fifo\n")
    try await sandbox.writer("cat '\(image)'", to: fifo)
    try await sandbox.succeed("nbdcopy", nbdkit.uri, sandbox.path("out"))
    expectEqual(sandbox.path("out"), image)
    try await nbdkit.stop()
    #expect(access(fifo, F_OK) == -1)
  }

  /// Runs a script in bash: it lets nbdcopy make `out` of `image`, 16 MiB; `$plugin` is the plugin.
  private func expectCopied(
    _ script: String, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image")
    let shell = try await sandbox.start([
      "env", "-C", sandbox.directory, "plugin=\(try Plugin.path())", "bash", "-ec", script,
    ])
    #expect(try await shell.exit() == .exited(0), sourceLocation: sourceLocation)
    #expect(shell.errors == "", sourceLocation: sourceLocation)
    expectEqual(sandbox.path("out"), image, sourceLocation: sourceLocation)
    #expect(
      try Report(sandbox.path("report")).outcome == "complete", sourceLocation: sourceLocation)
  }
}
