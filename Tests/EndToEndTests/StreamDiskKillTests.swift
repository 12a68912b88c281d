import Foundation
import Glibc
import Testing

@Suite(
  "stream-disk, killed at any moment,", .endToEnd(limit: .seconds(1800)),
  .requires("nbdkit", "qemu-img"))
struct StreamDiskKillTests {
  @Test("leaves the old file or the whole new one")
  func kills() async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image")
    let target = sandbox.path("target")
    // Blocks of the whole file.
    try await StreamDisk.expect(StreamDisk.run("write", "-f", "raw", image, "-o", target), 0)
    let whole = blocks(of: target)
    // From there to the name's change: found by trying, so it fits a machine of any speed.
    var delay = [Duration.milliseconds(4), .milliseconds(4)]
    var kept = 0
    var replaced = 0
    for number in 0..<(isSoak ? 200 : 10) {
      try Data("old".utf8).write(to: URL(filePath: target))
      let restores = number % 2
      let before = try parts()
      let child = try await sandbox.start(
        try StreamDisk.command()
          + (restores == 1
            ? ["restore", "--force", image, target] : ["write", "-f", "raw", image, "-o", target]))
      // One time in four in the middle, else about when the file gets its name.
      let isAtEnd = number % 8 > 1
      let wanted = isAtEnd ? whole : Int.random(in: 0..<whole)
      try await eventually("its file to be so far") {
        let part = try parts().subtracting(before).first ?? "none"
        return size(of: target) != 3 || blocks(of: sandbox.path(part)) >= wanted
      }
      if isAtEnd { try await Task.sleep(for: delay[restores] * Double.random(in: 0...2)) }
      child.signal(SIGKILL)
      try await child.exit()
      let isOld = size(of: target) == 3
      if isOld { kept += 1 } else { replaced += 1 }
      if isAtEnd { delay[restores] = delay[restores] * (isOld ? 1.5 : 0.67) }
      if !isOld { expectEqual(target, image) }
    }
    print("killed: \(kept) old files, \(replaced) whole new ones")
    // Both, or the moments were of no use.
    if isSoak { #expect(kept > 20 && replaced > 20) }
    try await eventually("nbdkit to be gone") {
      try filesIn("/proc").allSatisfy {
        !text(of: "/proc/\($0)/cmdline").contains("\(sandbox.path("tmp"))/")
      }
    }
  }

  /// Files of this run and of those that were killed before.
  private func parts() throws -> Set<String> {
    Set(try filesIn(try Sandbox.current().directory).filter { $0.hasPrefix(".stream-disk.") })
  }

  private func size(of path: String) -> Int {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) : 0
  }

  private func blocks(of path: String) -> Int {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_blocks) : 0
  }
}
