import Foundation
import Glibc
import Testing

@Suite("pad=true is for clients that have left", .endToEnd, .requires("nbdkit", "python3-libnbd"))
struct PadClientsTests {
  @Test("so a client that was connected over TCP when nbdkit stopped leaves it unknown")
  func network() async throws {
    let sandbox = try Sandbox.current()
    let report = sandbox.path("report")
    let nbdkit = try await sandbox.nbdkit(
      ["pipe=/dev/null", "size=1M", "pad=true", "report=\(report)"], port: try freePort())
    let client = try await nbdkit.connect()
    #expect(try await client.ask("write 0 65536") == "ok")
    #expect(try await client.ask("flush") == "ok")
    try await nbdkit.stop()
    #expect(try Report(report).outcome == "unknown")
    #expect(try Report(report).error?.contains("whether all clients had left") == true)
  }

  @Test("while one that nbdkit saw leave has left, over TCP too")
  func networkLeft() async throws {
    let sandbox = try Sandbox.current()
    let report = sandbox.path("report")
    let nbdkit = try await sandbox.nbdkit(
      ["pipe=/dev/null", "size=1M", "pad=true", "report=\(report)"], options: ["-v"],
      port: try freePort())
    let client = try await nbdkit.connect()
    #expect(try await client.ask("write 0 65536") == "ok")
    #expect(try await client.ask("flush") == "ok")
    #expect(try await client.ask("disconnect") == "ok")
    try await expectLeft(1, of: nbdkit)
    try await nbdkit.stop()
    #expect(try Report(report).outcome == "complete")
  }

  @Test("of two, the last one's flush counts", arguments: [true, false])
  func two(lastFlushes: Bool) async throws {
    let sandbox = try Sandbox.current()
    let report = sandbox.path("report")
    let nbdkit = try await sandbox.nbdkit(
      "pipe=/dev/null", "size=1M", "pad=true", "report=\(report)", options: ["-v"])
    let first = try await nbdkit.connect()
    let second = try await nbdkit.connect()
    #expect(try await second.ask("write 65536 65536") == "ok")
    #expect(try await first.ask("write 0 65536") == "ok")
    #expect(try await (lastFlushes ? first : second).ask("flush") == "ok")
    for client in [first, second] { #expect(try await client.ask("disconnect") == "ok") }
    try await expectLeft(2, of: nbdkit)
    try await nbdkit.stop()
    #expect(try Report(report).outcome == (lastFlushes ? "complete" : "unknown"))
  }

  @Test("so if one of two stays, it is unknown, though the other flushed and left")
  func oneStays() async throws {
    let sandbox = try Sandbox.current()
    let report = sandbox.path("report")
    let nbdkit = try await sandbox.nbdkit(
      "pipe=/dev/null", "size=1M", "pad=true", "report=\(report)", options: ["-v"])
    let staying = try await nbdkit.connect()
    #expect(try await staying.ask("read 0 512") == "zeroes")
    let client = try await nbdkit.connect()
    #expect(try await client.ask("write 0 65536") == "ok")
    #expect(try await client.ask("flush") == "ok")
    #expect(try await client.ask("disconnect") == "ok")
    try await expectLeft(1, of: nbdkit)
    try await nbdkit.stop()
    #expect(try Report(report).outcome != "complete")
  }

  /// nbdkit is told to stop when the client has ended, and had often not heard its farewell.
  @Test(
    "and the one of --run has always left", .requires("nbdcopy", "qemu-img"),
    arguments: [
      "nbdcopy --flush '$image' \"$uri\"", "qemu-img convert -n -f raw -O raw '$image' \"$uri\"",
    ])
  func commands(command: String) async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image", size: 1.mib, data: [0..<256.kib])
    for number in 0..<15 {
      let report = sandbox.path("report\(number)")
      let nbdkit = try await sandbox.nbdkit(
        "pipe=/dev/null", "size=2M", "pad=true", "report=\(report)",
        run: command.replacing("$image", with: image))
      #expect(try await nbdkit.exit() == .exited(0))
      let found = try Report(report)
      #expect(found.outcome == "complete", "\(found)")
      #expect(found.missingBytes == 1.mib)
    }
  }

  @Test("but not one that is killed halfway, nor one that ends without a flush")
  func killedCommands() async throws {
    let sandbox = try Sandbox.current()
    // Nothing is waited for: the stop comes as soon as it can after the last request.
    let script = """
      import nbd, os, signal, sys
      client = nbd.NBD()
      client.connect_uri(sys.argv[1])
      client.pwrite(b"x" * 65536, 0)
      client.flush()
      how = sys.argv[2]
      if how == "more": client.aio_pwrite(nbd.Buffer(65536), 65536)
      if how == "zero": client.aio_zero(65536, 65536)
      if how == "late": client.pwrite(b"x" * 512, 65536)
      if how == "polite":
          client.aio_zero(65536, 65536)
          client.aio_disconnect()
          while not client.aio_is_closed() and not client.aio_is_dead(): client.poll(-1)
      os.kill(os.getpid(), signal.SIGKILL)
      """
    let file = sandbox.path("client.py")
    try Data(script.utf8).write(to: URL(filePath: file))
    for how in ["more", "zero", "late", "polite"] {
      for number in 0..<10 {
        let report = sandbox.path("report \(how) \(number)")
        let nbdkit = try await sandbox.nbdkit(
          "pipe=/dev/null", "size=1M", "pad=true", "report=\(report)",
          run: "\(Client.python) '\(file)' \"$uri\" \(how) 2>/dev/null")
        #expect(try await nbdkit.exit() != .exited(0))
        let found = try Report(report)
        #expect(found.outcome != "complete", "\(how): \(found)")
      }
    }
  }

  private func expectLeft(_ count: Int, of nbdkit: Nbdkit) async throws {
    try await eventually("nbdkit to see its clients leave") {
      nbdkit.log.matches(of: /streaming: close/).count >= count
    }
  }
}
