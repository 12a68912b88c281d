import Foundation
import Glibc
import Testing

@Suite("stream-disk restore", .endToEnd, .requires("nbdkit", "qemu-img"))
struct StreamDiskRestoreTests {
  /// If the last writes fail, when the image is closed, qemu-img says so and yet ends with 0.
  @Test(
    "is never whole if the disk is full, from whichever of qemu-img's writes on",
    .requires("strace"))
  func failingWrites() async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image", size: 1.mib, data: [0..<128.kib])
    let tools = sandbox.path("tools")
    mkdir(tools, 0o755)
    let script = """
      #!/bin/sh
      case $1 in convert) exec strace -f -qq -o /dev/null -e trace=pwrite64,pwritev,pwritev2 \\
        -e "inject=pwrite64,pwritev,pwritev2:error=ENOSPC:when=$WHICH+" \\
        "$(PATH=${PATH#*:} command -v qemu-img)" "$@"
      esac
      exec "$(PATH=${PATH#*:} command -v qemu-img)" "$@"
      """
    try Data(script.utf8).write(to: URL(filePath: "\(tools)/qemu-img"))
    chmod("\(tools)/qemu-img", 0o755)
    let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
    let back = sandbox.path("back.qcow2")
    var failed = 0
    // The last of them are the hard ones.
    for which in Array(1...16) + Array(9...16) + Array(9...16) {
      let child = try await sandbox.start(
        ["env", "PATH=\(tools):\(path)", "WHICH=\(which)"] + StreamDisk.command()
          + ["restore", image, back])
      // A write that failed once may be repeated by another thread, for which the disk is not full.
      if try await child.exit() == .exited(0) {
        try await sandbox.succeed(
          "qemu-img", "compare", "-f", "raw", "-F", "qcow2", image, back)
        unlink(back)
      } else {
        failed += 1
        #expect(access(back, F_OK) != 0)
      }
    }
    #expect(failed > 2)
    try await StreamDisk.expectNothingLeft()
  }

  @Test("compares the digest in a report with what is written in place, too", .requires("qemu-nbd"))
  func digestInPlace() async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image")
    let target = try sandbox.image("target", size: 32.mib, data: [])
    let report = sandbox.path("report")
    let stream = sandbox.path("stream.zst")
    try await StreamDisk.expect(
      StreamDisk.run(
        "write", "-f", "raw", "--zstd", "--disk-digest", "--report", report, image, "-o", stream),
      0, "whole")
    let uri = try await StreamDisk.export(target)
    try await StreamDisk.expect(
      StreamDisk.run("restore", "--report-of", report, stream, uri), 0, "whole")
    let digest = try #require(text(of: report).firstMatch(of: /sha256:[0-9a-f]{64}/)).output
    let other = "sha256:" + String(repeating: "0", count: 64)
    try Data(text(of: report).replacing(digest, with: other).utf8)
      .write(to: URL(filePath: report))
    try await StreamDisk.expect(
      StreamDisk.run("restore", "--report-of", report, stream, uri), 1, String(digest), other)
  }

  @Test(
    "compares the stream's digest in a report, unless the stream was decompressed since",
    .requires("zstd"))
  func streamDigest() async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image")
    let report = sandbox.path("report")
    let stream = sandbox.path("stream.zst")
    let back = sandbox.path("back")
    try await StreamDisk.expect(
      StreamDisk.run(
        "write", "-f", "raw", "--zstd", "--digest", "--report", report, image, "-o", stream),
      0, "whole")
    try await StreamDisk.expect(
      StreamDisk.run("restore", "--report-of", report, stream, back), 0, "whole")
    let digest = try #require(text(of: report).firstMatch(of: /sha256:[0-9a-f]{64}/)).output
    let other = "sha256:" + String(repeating: "0", count: 64)
    try Data(text(of: report).replacing(digest, with: other).utf8)
      .write(to: URL(filePath: report))
    try await StreamDisk.expect(
      StreamDisk.run("restore", "--force", "--report-of", report, stream, back),
      1, String(digest), other)
    try await StreamDisk.expect(
      StreamDisk.run(
        "restore", "--force", "--raw", "--report-of", report, "--from-command",
        "zstd -dcq '\(stream)'", back), 0, "whole")
    expectEqual(back, image)
  }

  @Test("makes a VHD as large as the disk, which verify finds the same")
  func vhd() async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image")
    let back = sandbox.path("back.vhd")
    try await StreamDisk.expect(StreamDisk.run("restore", image, back), 0, "whole")
    try await StreamDisk.expect(StreamDisk.run("verify", image, back), 0, "the same")
  }

  @Test("makes no image of a disk that has a part of a sector")
  func sectors() async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image", size: 1000, data: [0..<1000])
    let back = sandbox.path("back")
    try await StreamDisk.expect(StreamDisk.run("restore", image, back), 1, "whole sectors")
    #expect(access(back, F_OK) != 0)
  }
}
