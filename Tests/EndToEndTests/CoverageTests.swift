import Foundation
import Glibc
import Testing

/// What is not written is not complete, however the stream looks.
@Suite("A disk of which a byte was not written is never complete", .endToEnd)
struct CoverageTests {
  @Test(
    "where nbdcopy can't read a sector of its source, and goes on before it knows",
    .requires("nbdkit", "nbdcopy"))
  func badSector() async throws {
    let sandbox = try Sandbox.current()
    let report = sandbox.path("report")
    let publisher = try Publisher()
    let image = try sandbox.image("image", size: 16.mib, data: [0..<16.mib])
    // One block fails, and late: what follows it is written first.
    let source = sandbox.path("source.sh")
    try write(
      """
      #!/bin/sh
      case "$1" in
        get_size) echo 16777216 ;;
        thread_model) echo parallel ;;
        pread) if [ "$4" -le 8388608 ] && [ "$(($4 + $3))" -gt 8388608 ]
               then sleep 1; echo EIO bad >&2; exit 1
               else dd if='\(image)' skip="$4" count="$3" iflag=skip_bytes,count_bytes 2>/dev/null
               fi ;;
        *) exit 2 ;;
      esac
      """, to: source)
    let nbdkit = try await sandbox.nbdkit(
      publisher.command("cat >part; mv part whole"), "size=16M", "reorder=0", "report=\(report)",
      run: "nbdcopy -- [ nbdkit sh '\(source)' ] \"$uri\"")
    #expect(try await nbdkit.exit() != .exited(0))
    let found = try Report(report)
    #expect(found.outcome != "complete")
    #expect(found.missingBytes > 0)
    #expect(!publisher.hasPublished)
    try await publisher.vanish()
  }

  @Test(
    "where a client writes the beginning and the end, and is killed, leaves or is still there",
    .requires("nbdkit", "python3-libnbd"), arguments: ["killed", "gone", "connected"])
  func beginningAndEnd(way: String) async throws {
    let sandbox = try Sandbox.current()
    let report = sandbox.path("report")
    let nbdkit = try await sandbox.nbdkit(
      "pipe=/dev/null", "size=64M", "reorder=0", "report=\(report)")
    let client = try await nbdkit.connect()
    #expect(try await client.ask("write 0 \(1.mib)") == "ok")
    #expect(try await client.ask("write \(64.mib - 512) 512") == "ok")
    if way == "killed" { try await client.die() }
    if way == "gone" { #expect(try await client.ask("disconnect") == "ok") }
    try await nbdkit.stop()
    let found = try Report(report)
    #expect(found.outcome == (way == "connected" ? "failed" : "short"))
    #expect(found.bytes == 64.mib)
    #expect(found.missingBytes == 63.mib - 512)
    let missing = "66059776 of 67108864 bytes were not written, the first from 1048576 to 67108352"
    #expect(nbdkit.errorLines.count == 1)
    #expect(nbdkit.errorLines.first?.contains(missing) == true)
  }

  @Test(
    "where a client zeroed it first, wrote some and was killed",
    .requires("nbdkit", "python3-libnbd"))
  func zeroedFirst() async throws {
    let sandbox = try Sandbox.current()
    let report = sandbox.path("report")
    let nbdkit = try await sandbox.nbdkit(
      "pipe=/dev/null", "size=64M", "rewind=64M", "report=\(report)")
    let client = try await nbdkit.connect()
    #expect(try await client.ask("zero 0 \(64.mib)") == "ok")
    #expect(try await client.ask("flush") == "ok")
    #expect(try await client.ask("write 0 \(1.mib)") == "ok")
    try await client.die()
    try await nbdkit.stop()
    let found = try Report(report)
    #expect(found.outcome == "unknown")
    #expect(found.missingBytes == 0)
    #expect(found.error?.contains("did not flush") == true)
  }

  @Test(
    "where a filter refused a request and its client went on",
    .requires("nbdkit", "python3-libnbd"))
  func refusedByFilter() async throws {
    let sandbox = try Sandbox.current()
    let report = sandbox.path("report")
    let errors = sandbox.path("errors")
    let nbdkit = try await sandbox.nbdkit(
      [
        "pipe=/dev/null", "size=1M", "reorder=0", "report=\(report)", "error-pwrite-rate=100%",
        "error-file=\(errors)",
      ],
      options: ["--filter=error"])
    let client = try await nbdkit.connect()
    #expect(try await client.ask("write 0 65536") == "ok")
    try write("", to: errors)
    #expect(try await client.ask("write 65536 4096") == "EIO")
    unlink(errors)
    #expect(try await client.ask("write 69632 \(1.mib - 69632)") == "ok")
    #expect(try await client.ask("flush") == "ok")
    #expect(try await client.ask("disconnect") == "ok")
    try await nbdkit.stop()
    let found = try Report(report)
    #expect(found.outcome == "short")
    #expect(found.missingBytes == 4096)
    #expect(found.refusedRequests == 0, "it did not come so far")
  }

  @Test(
    "where a backup is an incremental one",
    .requires("nbdkit", "qemu-storage-daemon", "python3-libnbd"))
  func incremental() async throws {
    let sandbox = try Sandbox.current()
    let report = sandbox.path("report")
    let disk = try sandbox.image("disk", size: 64.mib, data: [0..<64.mib])
    let nbdkit = try await sandbox.nbdkit(
      "pipe=/dev/null", "size=64M", "reorder=64M", "report=\(report)",
      run: "\(script("backup.py")) '\(disk)' \"$unixsocket\" incremental >'\(disk).log' 2>&1")
    #expect(try await nbdkit.exit() == .exited(0), "\(text(of: disk + ".log"))")
    let found = try Report(report)
    #expect(found.outcome == "short")
    #expect(found.missingBytes == 64.mib - 2 * 64.kib)
  }

  @Test(
    "where a backup job is abandoned halfway, after its guest wrote the last block",
    .requires("nbdkit", "qemu-storage-daemon", "python3-libnbd"))
  func lastBlockFirst() async throws {
    let sandbox = try Sandbox.current()
    let report = sandbox.path("report")
    let disk = try sandbox.image("disk", size: 64.mib, data: [0..<64.mib])
    let nbdkit = try await sandbox.nbdkit(
      "pipe=/dev/null", "size=64M", "reorder=64M", "report=\(report)",
      run: "\(script("backup.py")) '\(disk)' \"$unixsocket\" left >'\(disk).log' 2>&1")
    #expect(try await nbdkit.exit() == .exited(0), "\(text(of: disk + ".log"))")
    let found = try Report(report)
    #expect(["short", "failed"].contains(found.outcome))
    #expect(found.missingBytes > 0)
  }

  @Test("where nbdcopy is killed", .requires("nbdkit", "nbdcopy", "qemu-img"))
  func killedCopy() async throws {
    let sandbox = try Sandbox.current()
    let report = sandbox.path("report")
    let publisher = try Publisher()
    let image = try sandbox.image("image", size: 64.mib, data: [0..<64.mib])
    let nbdkit = try await sandbox.nbdkit(
      [
        publisher.command("cat >part; mv part whole"), "size=64M", "report=\(report)",
        "rate=200M",
      ],
      options: ["--filter=rate"],
      run: "timeout -s KILL 0.3 nbdcopy '\(image)' \"$uri\"")
    #expect(try await nbdkit.exit() != .exited(0))
    #expect(try Report(report).outcome != "complete")
    #expect(!publisher.hasPublished)
  }

  private func write(_ text: String, to path: String) throws {
    try Data(text.utf8).write(to: URL(filePath: path))
  }
}
