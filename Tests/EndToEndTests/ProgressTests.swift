import Foundation
import Glibc
import Testing

@Suite("progress=true", .endToEnd)
struct ProgressTests {
  @Test(
    "draws one line on a terminal, never wider than it, and leaves the totals",
    .requires("nbdkit", "python3-libnbd"), arguments: [200, 80, 40])
  func terminal(columns: Int) async throws {
    let sandbox = try Sandbox.current()
    let client = """
      import nbd, sys, time
      disk = nbd.NBD()
      disk.connect_unix(sys.argv[1])
      disk.pwrite(bytes(1 << 20), 0)
      time.sleep(2.5)
      disk.pwrite(bytes(3 << 20), 1 << 20)
      """
    let screen = try await sandbox.run(
      Client.python, "\(packageRoot)/Tests/EndToEndTests/Scripts/terminal.py", "\(columns)",
      "nbdkit", "-U", "-", try Plugin.path(), "pipe=/dev/null", "size=4M", "progress=true", "--run",
      "\(Client.python) -c '\(client)' $unixsocket")
    #expect(try await screen.exit() == .exited(0))
    let rows = screen.output.split { $0 == "\r" || $0 == "\n" || $0 == "\r\n" }
    #expect(rows.allSatisfy { $0.utf8.count < columns })
    let controls = screen.output.unicodeScalars.filter { $0.value < 0x20 }
    #expect(controls.allSatisfy { $0 == "\r" || $0 == "\n" })
    let drawn = rows.filter { $0.contains("1.00 MiB") }
    #expect(!drawn.isEmpty)
    if columns >= 80 {
      #expect(drawn.contains { $0.contains("1.00 MiB of 4.00 MiB, 25 %, ") })
      #expect(drawn.contains { $0.contains("waiting for the client") })
    }
    let last = rows.suffix(3).joined(separator: " ")
    #expect(last.contains(/streaming: 4\.00 MiB in 0:\d\d,/))
    for part in ["0 B of them zeroes,", "largest reorder 0 B"] { #expect(last.contains(part)) }
  }

  @Test(
    "elsewhere says every few seconds that a reader is waited for, and the totals at the end",
    .requires("nbdkit", "python3-libnbd"))
  func file() async throws {
    let sandbox = try Sandbox.current()
    let fifo = try sandbox.fifo()
    let nbdkit = try await sandbox.nbdkit("pipe=\(fifo)", "size=4M", "progress=yes")
    let client = try await nbdkit.connect()
    try client.send("write 0 \(4.mib)")
    try await eventually("a line") {
      nbdkit.log.contains("streaming: 0 B of 4.00 MiB, 0 %, waiting for the reader\n")
    }
    let reader = try await sandbox.reader(of: fifo)
    #expect(try await client.answer() == "ok")
    #expect(try await client.ask("disconnect") == "ok")
    try await nbdkit.stop()
    try await reader.end()
    let last = nbdkit.log.split(separator: "\n").last ?? ""
    #expect(last.hasPrefix("streaming: 4.00 MiB in "))
    #expect(!nbdkit.log.contains("\r"))
  }

  @Test("prints one JSON object a second for programs", .requires("nbdkit", "python3-libnbd"))
  func json() async throws {
    let sandbox = try Sandbox.current()
    let fifo = try sandbox.fifo()
    let nbdkit = try await sandbox.nbdkit("pipe=\(fifo)", "size=4M", "progress=json")
    let client = try await nbdkit.connect()
    try client.send("write 0 \(4.mib)")
    try await eventually("a line") { nbdkit.log.contains("\"waiting_for\": \"reader\"}\n") }
    let reader = try await sandbox.reader(of: fifo)
    #expect(try await client.answer() == "ok")
    #expect(try await client.ask("disconnect") == "ok")
    try await nbdkit.stop()
    try await reader.end()
    struct Line: Decodable, Equatable {
      let bytes, size, outputBytes: Int
      let seconds: Double
      let waitingFor: String?
    }
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let lines = try nbdkit.log.split(separator: "\n").map {
      try decoder.decode(Line.self, from: Data($0.utf8))
    }
    let first = try #require(lines.first)
    let last = try #require(lines.last)
    #expect(first.bytes == 0 && first.size == 4.mib && first.seconds >= 1)
    #expect(last.bytes == 4.mib && last.outputBytes == 4.mib && last.waitingFor == nil)
    #expect(lines.count >= 2 && last.seconds >= first.seconds)
  }

  @Test("shows nothing if nbdkit goes into the background", .requires("nbdkit"))
  func daemon() async throws {
    let sandbox = try Sandbox.current()
    let pidFile = sandbox.path("pid")
    let nbdkit = try await sandbox.start([
      "nbdkit", "-U", sandbox.path("socket"), "-P", pidFile, try Plugin.path(), "pipe=/dev/null",
      "progress=true",
    ])
    #expect(try await nbdkit.exit() == .exited(0))
    #expect(nbdkit.errors == "")
    let pid = try #require(
      pid_t(text(of: pidFile).trimmingCharacters(in: .whitespacesAndNewlines)))
    try await eventually("nbdkit to open its stream") {
      let name = text(of: "/proc/\(pid)/comm")
      return name.hasPrefix("nbdkit") || Nbdkit.runsByItsOwnLoader && name.hasPrefix("ld-linux")
    }
    #expect(kill(pid, SIGTERM) == 0)
    try await eventually("nbdkit to end") { kill(pid, 0) == -1 }
  }

  @Test(
    "of a padded disk of any size ends with its totals", .requires("nbdkit", "python3-libnbd"))
  func largestDisk() async throws {
    let sandbox = try Sandbox.current()
    let fifo = try sandbox.fifo()
    let report = sandbox.path("report")
    let nbdkit = try await sandbox.nbdkit(
      "read=\(fifo)", "size=7E", "pad=true", "progress=true", "report=\(report)")
    try await sandbox.writer("head -c 4096 /dev/zero", to: fifo)
    let client = try await nbdkit.connect()
    #expect(try await client.ask("read 0 8192") == "zeroes")
    #expect(try await client.ask("disconnect") == "ok")
    #expect(try await nbdkit.stop() == .exited(0))
    #expect(try Report(report).outcome == "complete")
    #expect(nbdkit.log.contains("streaming: 4.00 KiB in "))
  }
}
