import CFakeNBDKit
import Glibc
import NBDKitTestKit
import SystemPackage
import TestSupport
import Testing

@testable import StreamingPlugin

@Suite("From the parameters to the report", .exclusiveServer, .timeLimit(.minutes(10)))
struct LifeCycleTests {
  @Test("A whole disk is complete, and only the report is left")
  func complete() throws {
    let served = try Served(["size": "20000"])
    try served.server.preconnect()
    let client = try served.server.open()
    #expect(try client.size() == 20_000)
    let reader = try served.reader()
    try client.zero(10_000, at: 0)
    try client.write(pattern(10_000), at: 10_000)
    try client.flush()
    client.close()

    let report = try served.report()
    #expect(report.outcome == "complete")
    #expect(report.bytes == 20_000)
    #expect(report.zeroBytes == 10_000)
    #expect(report.size == 20_000)
    #expect(report.error == nil)
    expectSame(try reader.bytes(), [UInt8](repeating: 0, count: 10_000) + pattern(10_000))
    #expect(try served.directory.entries == ["report"])
    #expect(FakeServer.errors == [])
  }

  @Test("The FIFO is there before nbdkit forks, for the --run command to find")
  func fifoBeforeFork() throws {
    let served = try Served(beforeFork: { directory in
      var status = stat()
      #expect(stat(directory.path("out"), &status) == 0)
      #expect(status.st_mode == S_IFIFO | 0o600)
    })
    served.end()
    #expect(try served.directory.entries == ["report"])
  }

  @Test("A FIFO that was there stays")
  func foundFIFO() throws {
    let directory = try TemporaryDirectory()
    try directory.fifo("out")
    let served = try Served(in: directory)
    served.end()
    #expect(try directory.entries == ["out", "report"])
  }

  @Test("If nothing is written the reader sees the end, and without a size it is no error")
  func nothingWritten() throws {
    let served = try Served()
    let reader = try served.reader()
    try served.server.open().close()
    let report = try served.report()
    #expect(report.outcome == "unknown")
    #expect(report.bytes == 0)
    #expect(try reader.bytes().isEmpty)
    #expect(FakeServer.errors == [])
  }

  @Test("A disk of 4096 bytes does not wait until the end")
  func smallDisk() throws {
    let served = try Served(["size": "4096"])
    let client = try served.server.open()
    let reading = try served.idleReader()
    try client.write(pattern(512), at: 0)
    var buffer = [UInt8](repeating: 0, count: 512)
    #expect(try buffer.withUnsafeMutableBytes { try reading.read(into: $0) } == 512)
    expectSame(buffer, pattern(512))
    try reading.close()
  }

  @Test("A stream shorter than the disk is an error line with both numbers")
  func short() throws {
    let served = try Served(["size": "1M"])
    let client = try served.server.open()
    let reader = try served.reader()
    try client.write(pattern(10_000), at: 0)
    client.close()
    let report = try served.report()
    #expect(report.outcome == "short")
    let error =
      "the stream is short: 1038576 of 1048576 bytes were not written, "
      + "the first from 10000 to 1048576"
    #expect(report.error == error)
    #expect(report.missingBytes == 1_038_576)
    #expect(FakeServer.errors == ["\(error); 10000 of 1048576 bytes were delivered"])
    expectSame(try reader.bytes(), pattern(10_000))
  }

  @Test("-r is refused with a message")
  func readOnly() throws {
    let served = try Served()
    let refusal = Refusal(
      .readOnlyFileSystem,
      "-r: this disk is for writing: start nbdkit without -r")
    #expect(throws: refusal) { try served.server.preconnect(readOnly: true) }
    #expect(throws: Refusal.self) { _ = try served.server.open(readOnly: true) }
  }

  @Test("A filter that opens the disk read-only is refused with another message")
  func readOnlyFilter() throws {
    let served = try Served()
    let refusal = Refusal(
      .readOnlyFileSystem,
      "a filter opened the disk read-only, but this disk is for writing: "
        + "start nbdkit without that filter")
    try served.server.preconnect()
    #expect(throws: refusal) { _ = try served.server.open(readOnly: true) }
  }

  // MARK: Clients at the end

  @Test("A client that is still there makes the stream fail")
  func clientStillThere() throws {
    let served = try Served()
    let client = try served.server.open()
    let reader = try served.reader()
    try client.write(pattern(10_000), at: 0)
    let report = try served.report()
    #expect(report.outcome == "failed")
    #expect(report.error == "stopped with a client still connected")
    expectSame(try reader.bytes(), pattern(10_000))
  }

  @Test("But not if the disk is whole")
  func clientStillThereWithWholeDisk() throws {
    let served = try Served(["size": "10000"])
    let client = try served.server.open()
    let reader = try served.reader()
    try client.write(pattern(10_000), at: 0)
    #expect(try served.report().outcome == "complete")
    _ = try reader.bytes()
  }

  @Test("One whose process has ended has left, though nbdkit did not close it")
  func clientThatEnded() throws {
    let served = try Served()
    // No process has this number: it is above what Linux allows.
    fake_set_peer_pid(1 << 22 + 1)
    let client = try served.server.open()
    let reader = try served.reader()
    try client.write(pattern(10_000), at: 0)
    #expect(try served.report().outcome == "unknown")
    _ = try reader.bytes()
  }

  @Test("Of one over TCP that is not known, so it counts as one that left")
  func clientOverTCP() throws {
    let served = try Served()
    fake_set_peer_pid(-1)
    let client = try served.server.open()
    let reader = try served.reader()
    try client.write(pattern(10_000), at: 0)
    #expect(try served.report().outcome == "unknown")
    _ = try reader.bytes()
  }

  // MARK: What goes wrong before the first client

  @Test("If the endpoint can't be opened, every client is refused, and the server lives")
  func latchedAtFork() throws {
    let served = try Served(beforeFork: { directory in
      try #require(rename(directory.path("out"), directory.path("away")) == 0)
      try directory.fifo("out")
    })
    #expect(FakeServer.errors == ["pipe=out: something else has taken its place"])
    let refused = Refusal(.ioError, "refused: the stream has failed: start nbdkit again")
    #expect(throws: refused) { try served.server.preconnect() }
    #expect(throws: refused) { _ = try served.server.open() }
    let report = try served.report()
    #expect(report.outcome == "failed")
    #expect(report.error == "pipe=out: something else has taken its place")
    #expect(try served.directory.entries == ["away", "out", "report"])
  }

  @Test("A report of an earlier stream is removed at the start")
  func oldReport() throws {
    let directory = try TemporaryDirectory()
    try Served(in: directory).end()
    #expect(try directory.entries == ["report"])
    let served = try Served(
      in: directory,
      beforeFork: { directory in
        let entries = try directory.entries
        #expect(entries == ["out"])
      })
    served.end()
    #expect(try directory.entries == ["report"])
  }
}
