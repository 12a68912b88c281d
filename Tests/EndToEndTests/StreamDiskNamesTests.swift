import Foundation
import Glibc
import Testing

@Suite(
  "What stream-disk makes takes no other file's place", .endToEnd,
  .requires("nbdkit", "qemu-img"))
struct StreamDiskNamesTests {
  @Test("not its source's, nor its report's, however the name is spelled")
  func same() async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image")
    symlink(image, sandbox.path("soft"))
    link(image, sandbox.path("hard"))
    for name in ["image", "./image", "hard"] {
      for source in ["image", "soft", "hard"] {
        try await StreamDisk.expect(
          StreamDisk.run(
            "write", "-f", "raw", sandbox.path(source), "-o", "\(sandbox.directory)/\(name)"),
          2, "the image itself")
        try await StreamDisk.expect(
          StreamDisk.run(
            "restore", "--force", sandbox.path(source), "\(sandbox.directory)/\(name)"),
          1, "the stream itself")
      }
    }
    for report in ["out", "./out"] {
      try await StreamDisk.expect(
        StreamDisk.run(
          "write", "-f", "raw", image, "-o", sandbox.path("out"), "--report",
          "\(sandbox.directory)/\(report)"),
        2, "the stream's own name")
    }
    #expect(access(sandbox.path("out"), F_OK) != 0)
    expectEqual(sandbox.path("hard"), try sandbox.image("again"))
  }

  @Test("not that of an image in use", .requires("qemu-nbd"))
  func inUse() async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image")
    let used = try sandbox.image("used", size: 16.mib, data: [])
    _ = try await StreamDisk.export(used)
    var before = stat()
    var after = stat()
    stat(used, &before)
    try await StreamDisk.expect(
      StreamDisk.run("write", "-f", "raw", image, "-o", used), 1, "in use")
    try await StreamDisk.expect(StreamDisk.run("restore", "--force", image, used), 1, "in use")
    stat(used, &after)
    #expect(before.st_ino == after.st_ino)
    try await StreamDisk.expectNothingLeft()
  }

  @Test("not that of a name that Swift would repair")
  func notUnicode() async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image")
    let words = try StreamDisk.command().map { "'\($0)'" }.joined(separator: " ")
    let child = try await sandbox.start([
      "bash", "-c", "cd '\(sandbox.directory)'; exec \(words) write -f raw '\(image)' -o $'b\\xe4'",
    ])
    try await StreamDisk.expect(child, 2, "is not UTF-8")
    #expect(try filesIn(sandbox.directory).allSatisfy { !$0.hasPrefix("b") })
  }
}
