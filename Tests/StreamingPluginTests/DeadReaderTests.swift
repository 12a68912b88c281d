import NBDKitTestKit
import SystemPackage
import TestSupport
import Testing

@Suite("A reader that dies is an error at once", .exclusiveServer, .timeLimit(.minutes(10)))
struct DeadReaderTests {
  @Test("The next write says so, and the report counts what the reader took")
  func midStream() throws {
    let served = try Served()
    let client = try served.server.open()
    let reading = try served.idleReader()
    try client.write(pattern(50_000), at: 0)
    var buffer = [UInt8](repeating: 0, count: 1234)
    #expect(try buffer.withUnsafeMutableBytes { try reading.read(into: $0) } == 1234)
    try reading.close()

    let gone = "write of 10 bytes at offset 50000: pipe=out: the reader has gone"
    #expect(throws: Refusal(.ioError, gone)) { try client.write(pattern(10), at: 50_000) }
    #expect(throws: Refusal.self) { _ = try served.server.open() }
    client.close()
    let report = try served.report()
    #expect(report.outcome == "failed")
    #expect(report.error == gone)
    #expect(report.bytes == 1234)
    #expect(
      FakeServer.errors.last == "the stream has failed: 1234 bytes were delivered: \(gone)")
  }

  @Test("So does a flush, if the reader left anything")
  func flush() throws {
    let served = try Served()
    let client = try served.server.open()
    let reading = try served.idleReader()
    try client.write(pattern(50_000), at: 0)
    try client.flush()
    try reading.close()
    #expect(
      throws: Refusal(.ioError, "flush: pipe=out: the reader has gone with 50000 bytes left unread")
    ) { try client.flush() }
    client.close()
    #expect(try served.report().outcome == "failed")
  }

  @Test("But a reader that had taken all and left fails no flush")
  func flushAfterAll() throws {
    let served = try Served()
    let client = try served.server.open()
    let reading = try served.idleReader()
    try client.write(pattern(5000), at: 0)
    var buffer = [UInt8](repeating: 0, count: 5000)
    #expect(try buffer.withUnsafeMutableBytes { try reading.read(into: $0) } == 5000)
    try reading.close()
    try client.flush()
    client.close()
  }

  @Test("After the last write, what it left is named")
  func atTheEnd() throws {
    let served = try Served(["size": "50000"])
    let client = try served.server.open()
    let reading = try served.idleReader()
    try client.write(pattern(50_000), at: 0)
    try reading.close()
    client.close()
    let report = try served.report()
    #expect(report.outcome == "failed")
    #expect(report.error == "the reader has gone with 50000 bytes left unread")
    #expect(report.bytes == 0)
  }
}
