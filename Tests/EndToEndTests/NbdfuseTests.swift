import Glibc
import Testing

@Suite(
  "nbdfuse", .endToEnd, .requires("nbdkit", "nbdfuse", "fusermount3"), .hasFUSE)
struct NbdfuseTests {
  @Test(
    "makes the disk a file that dd can stream to, with size= and without",
    arguments: ["bs=1M", "bs=1M conv=notrunc", "bs=64k oflag=direct", "bs=10000"])
  func dd(options: String) async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image")
    let disk = sandbox.path("disk")
    let ready = sandbox.path("ready")
    // Should it still be mounted, the directory could not be removed.
    defer { system("fusermount3 -uqz '\(disk)'") }
    let command = """
      : >'\(disk)'; rm -f '\(ready)'
      nbdfuse -P '\(ready)' '\(disk)' "$uri" & fuse=$!
      until test -s '\(ready)'; do kill -0 $fuse || exit 1; sleep 0.01; done
      dd if='\(image)' of='\(disk)' \(options) status=none; status=$?
      # Somebody who looks at all mounts may have it open for a moment.
      for turn in $(seq 50); do fusermount3 -uq '\(disk)' && break; sleep 0.1; done
      wait $fuse && exit $status
      """
    try await expectStreamed(image, by: command, size: 16.mib)
    try await expectStreamed(image, by: command)
  }
}
