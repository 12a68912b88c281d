import Glibc
import Testing

@Suite("stream-disk", .endToEnd, .requires("nbdkit", "qemu-img", "nbdcopy", "qemu-nbd"))
struct StreamDiskTests {
  @Test("makes a file of an image, restores it and finds both the same")
  func round() async throws {
    let sandbox = try Sandbox.current()
    let image = try await qcow2()
    let stream = sandbox.path("out.raw")
    try await StreamDisk.expect(
      StreamDisk.run("write", image, "-o", stream), 0, "whole: 16 MiB into \(stream)")
    expectEqual(stream, sandbox.path("image"))
    let back = sandbox.path("back.qcow2")
    try await StreamDisk.expect(StreamDisk.run("restore", stream, back), 0, "whole: 16 MiB from")
    try await sandbox.succeed("qemu-img", "compare", "-f", "qcow2", "-F", "qcow2", back, image)
    try await StreamDisk.expect(StreamDisk.run("verify", stream, back), 0, "the same 16 MiB")
    try await StreamDisk.expectNothingLeft()
  }

  @Test("keeps holes in the file that it makes")
  func holes() async throws {
    let image = try Sandbox.current().image("image", size: 1 << 30, data: [0..<4096])
    let stream = try Sandbox.current().path("out.raw")
    #expect(
      try await StreamDisk.run("write", "-f", "raw", image, "-o", stream).exit() == .exited(0))
    var status = stat()
    #expect(stat(stream, &status) == 0 && status.st_size == 1 << 30 && status.st_blocks < 4096)
  }

  @Test("writes to standard output, a pipe or a file, and nothing else to it")
  func standardOutput() async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image")
    let child = try await StreamDisk.run("write", "-f", "raw", image, "-")
    try await StreamDisk.expect(child, 0, "standard output")
    expectEqual("\(child.log).out", image)
    let words = try StreamDisk.command().map { "'\($0)'" }.joined(separator: " ")
    try await sandbox.succeed(
      "bash", "-c", "set -o pipefail; \(words) write -f raw '\(image)' - | cmp - '\(image)'")
  }

  @Test("writes to a command, and fails if that does")
  func command() async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image")
    let whole = sandbox.path("whole")
    try await StreamDisk.expect(
      StreamDisk.run("write", "-f", "raw", image, "-c", "cat >'\(whole)'"), 0, "into the command")
    expectEqual(whole, image)
    try await StreamDisk.expect(
      StreamDisk.run("write", "-f", "raw", image, "-c", "cat >/dev/null; exit 3"), 1,
      "exit status 3")
  }

  @Test("restores from standard input, which may be a pipe, and from a command")
  func sources() async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image")
    try await StreamDisk.expect(
      StreamDisk.run("restore", "-", sandbox.path("one"), input: image), 0, "standard input")
    expectEqual(sandbox.path("one"), image)
    let words = try StreamDisk.command().map { "'\($0)'" }.joined(separator: " ")
    try await sandbox.succeed(
      "bash", "-c", "cat '\(image)' | \(words) restore --size 16M - '\(sandbox.path("two"))'")
    expectEqual(sandbox.path("two"), image)
    try await StreamDisk.expect(
      StreamDisk.run(
        "restore", "--size", "16M", "--from-command", "cat '\(image)'", sandbox.path("three")), 0)
    expectEqual(sandbox.path("three"), image)
  }

  @Test("reads and writes NBD exports, and finds them the same")
  func exports() async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image")
    let target = try sandbox.image("target", size: 16.mib, data: [])
    let uris = [try await StreamDisk.export(image), try await StreamDisk.export(target)]
    let stream = sandbox.path("stream")
    try await StreamDisk.expect(StreamDisk.run("write", uris[0], "-o", stream), 0, "whole")
    try await StreamDisk.expect(StreamDisk.run("restore", stream, uris[1]), 0, "whole")
    try await StreamDisk.expect(StreamDisk.run("verify", stream, uris[1]), 0, "the same")
    expectEqual(target, image)
  }

  @Test(
    "reads every format that qemu-img does",
    arguments: ["raw", "qcow2", "qed", "vdi", "vmdk", "vhdx", "vpc"])
  func formats(format: String) async throws {
    let sandbox = try Sandbox.current()
    let raw = try sandbox.image("image")
    let image = sandbox.path("disk")
    try await sandbox.succeed(
      ["qemu-img", "convert", "-f", "raw", "-O", format]
        + (format == "vpc" ? ["-o", "force_size=on"] : []) + [raw, image])
    for arguments in [[], ["-f", format]] {
      let stream = sandbox.path("stream")
      let child = try await sandbox.start(
        try StreamDisk.command() + ["write"] + arguments + [image, "-o", stream])
      try await StreamDisk.expect(child, 0, "whole")
      expectEqual(stream, raw)
    }
  }

  @Test("refuses an image that leads to another file, unless its format is given")
  func otherFiles() async throws {
    let sandbox = try Sandbox.current()
    let secret = try sandbox.image("secret")
    let image = sandbox.path("disk")
    try await sandbox.succeed(
      "qemu-img", "create", "-q", "-f", "qcow2", "-b", secret, "-F", "raw", image)
    // A disk has whole sectors.
    try await sandbox.succeed("truncate", "-s", "%512", image)
    let stream = sandbox.path("stream")
    try await StreamDisk.expect(
      StreamDisk.run("write", image, "-o", stream), 1, secret, "-f qcow2", "-f raw")
    #expect(access(stream, F_OK) != 0)
    try await StreamDisk.expect(
      StreamDisk.run("write", "-f", "raw", image, "-o", stream), 0)
    expectEqual(stream, image)
    try await StreamDisk.expect(
      StreamDisk.run("write", "-f", "qcow2", image, "-o", stream), 0)
    expectEqual(stream, secret)

    try await sandbox.succeed(
      "sh", "-c",
      """
      printf '%s\\n' '# Disk DescriptorFile' version=1 CID=1 parentCID=ffffffff \
        createType='"monolithicFlat"' 'RW 32768 FLAT "\(secret)" 0' >'\(image)'
      """)
    try await StreamDisk.expect(StreamDisk.run("write", image, "-o", stream), 1, secret, "-f raw")
  }

  @Test("says what to do about an image in use")
  func inUse() async throws {
    let sandbox = try Sandbox.current()
    let image = try await qcow2()
    let socket = sandbox.path("sock")
    try await sandbox.start(["qemu-nbd", "-f", "qcow2", "-t", "-k", socket, image])
    try await eventually("qemu-nbd to listen") { access(socket, F_OK) == 0 }
    try await StreamDisk.expect(
      StreamDisk.run("write", image, "-o", sandbox.path("out")), 1, "in use", "nbd: URI")
  }

  @Test("tells the first byte that differs", arguments: [0, 511, 512, 1.mib + 77, 16.mib - 1])
  func different(offset: Int) async throws {
    let sandbox = try Sandbox.current()
    let image = try await qcow2()
    try await sandbox.succeed(
      "sh", "-c",
      """
      cp '\(sandbox.path("image"))' '\(sandbox.path("other"))'
      printf '\\377' | dd of='\(sandbox.path("other"))' bs=1 seek=\(offset) conv=notrunc
      """)
    try await StreamDisk.expect(
      StreamDisk.run("verify", sandbox.path("other"), image), 1, "differ at offset \(offset)")
  }

  @Test("finds disks of two sizes different")
  func sizes() async throws {
    let image = try await qcow2()
    let other = try Sandbox.current().image("other", size: 8.mib)
    try await StreamDisk.expect(
      StreamDisk.run("verify", other, image), 1, "\(8.mib)", "\(16.mib)")
  }

  @Test("prints an nbdkit command that does the same")
  func prints() async throws {
    let sandbox = try Sandbox.current()
    let image = try await qcow2()
    let stream = sandbox.path("out put")
    let line = try await StreamDisk.run("write", "--print", image, "-o", stream)
    #expect(try await line.exit() == .exited(0))
    try await sandbox.succeed("sh", "-c", "cd '\(sandbox.directory)' && \(line.output)")
    expectEqual(stream, sandbox.path("image"))
    let back = try await StreamDisk.run("restore", "--print", stream, sandbox.path("back"))
    try await sandbox.succeed("sh", "-c", "cd '\(sandbox.directory)' && \(back.output)")
    expectEqual(sandbox.path("back"), sandbox.path("image"))
  }

  @Test("needs to know the size of a stream")
  func size() async throws {
    let sandbox = try Sandbox.current()
    let target = sandbox.path("target")
    let child = try await sandbox.start(
      [
        "sh", "-c",
        "cat /dev/zero | \(try StreamDisk.command().joined(separator: " ")) restore - '\(target)'",
      ])
    try await StreamDisk.expect(child, 2, "--size", "--report-of")
    try await StreamDisk.expect(
      StreamDisk.run("restore", "--from-command", "true", target), 2, "--size")
    #expect(access(target, F_OK) != 0)
  }

  @Test("prints nothing with --quiet, and one line without")
  func quiet() async throws {
    let image = try await qcow2()
    let child = try await StreamDisk.run(
      "write", "--quiet", image, "-o", try Sandbox.current().path("out"))
    #expect(try await child.exit() == .exited(0))
    #expect(child.errors == "" && child.output == "")
  }

  @Test("leaves a report, which restore and verify use")
  func report() async throws {
    let sandbox = try Sandbox.current()
    let image = try await qcow2()
    let report = sandbox.path("report.json")
    try await StreamDisk.expect(
      StreamDisk.run("write", "--report", report, image, "-o", sandbox.path("out")), 0)
    #expect(text(of: report).contains("\"outcome\": \"complete\""))
    try await StreamDisk.expect(
      StreamDisk.run(
        "restore", "--report-of", report, "--from-command", "cat '\(sandbox.path("out"))'",
        sandbox.path("back")), 0)
    expectEqual(sandbox.path("back"), sandbox.path("image"))
    // An old report never tells of a new stream.
    try await StreamDisk.expect(
      StreamDisk.run("write", "--report", report, image, "-c", "exit 1"), 1)
    #expect(text(of: report).contains("\"outcome\": \"failed\""))
    try await StreamDisk.expect(
      StreamDisk.run("restore", "--report-of", report, image, sandbox.path("back2")), 1, "failed")
    try await StreamDisk.expect(
      StreamDisk.run("write", "--report", image, image, "-o", sandbox.path("out")), 1, "report")
  }

  @Test(
    "shows its progress on a terminal of any width", .requires("python3"), arguments: [40, 80, 200])
  func terminal(columns: Int) async throws {
    let sandbox = try Sandbox.current()
    let image = try await qcow2()
    let child = try await sandbox.start(
      [Client.python, scriptPath("terminal.py"), "\(columns)"] + (try StreamDisk.command())
        + ["write", image, "-c", "sleep 1; cat >/dev/null"])
    #expect(try await child.exit() == .exited(0))
    let lines = child.output.split { $0.isNewline }
    let progress = lines.filter { $0.contains(" %  ") }
    #expect(!progress.isEmpty)
    for line in progress { #expect(line.replacing("\u{1B}[K", with: "").count < columns) }
    #expect(lines.contains { $0.contains("stream-disk: ") && $0.contains("whole") })
  }

  @Test("shows its progress as JSON for programs")
  func json() async throws {
    let image = try await qcow2()
    let child = try await StreamDisk.run(
      "write", "--progress=json", image, "-c", "sleep 3; cat >/dev/null")
    let lines = child.errors.split(separator: "\n").filter { $0.hasPrefix("{\"bytes\": ") }
    #expect(lines.count >= 2)
    #expect(lines.last?.hasPrefix("{\"bytes\": 16777216, \"size\": 16777216, ") == true)
  }

  private func qcow2() async throws -> String {
    let sandbox = try Sandbox.current()
    let raw = try sandbox.image("image")
    try await sandbox.succeed(
      "qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, sandbox.path("image.qcow2"))
    return sandbox.path("image.qcow2")
  }
}
