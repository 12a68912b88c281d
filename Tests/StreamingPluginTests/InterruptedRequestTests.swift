import CFakeNBDKit
import NBDKitTestKit
import StreamIO
import SystemPackage
import TestSupport
import Testing

@Suite(
  "What an interrupted request did not send is owed", .exclusiveServer, .timeLimit(.minutes(10)))
struct InterruptedRequestTests {
  private let served: Served
  private let client: FakeClient

  init() throws {
    // Without a window, so that what follows does not wait for it.
    served = try Served(["reorder": "0"])
    client = try served.server.open()
  }

  /// A request with nobody to read it, in a server that stops or for a client that has gone.
  private func interrupt(_ request: () throws -> Void) -> Refusal? {
    fake_set_stopping(1)
    defer { fake_set_stopping(0) }
    return #expect(throws: Refusal.self) { try request() }
  }

  @Test("Nothing is acknowledged without a reader, not even what waits")
  func noReader() {
    for size in [512, 8192] {
      let refusal = interrupt { try client.write(pattern(size), at: 0) }
      #expect(refusal?.errno == .socketShutdown)
      #expect(
        refusal?.lines.last == "write of \(size) bytes at offset 0: "
          + "interrupted: the client has gone or the server stops")
    }
    let refusal = interrupt { try client.zero(1 << 20, at: 0) }
    #expect(refusal?.errno == .socketShutdown)
  }

  @Test("Repeated, it is as if nothing had been")
  func repeated() throws {
    _ = interrupt { try client.write(pattern(8192), at: 0) }
    let reader = try served.reader()
    try client.write(pattern(8192), at: 0)
    client.close()
    served.end()
    expectSame(try reader.bytes(), pattern(8192))
    #expect(try served.report().outcome == "unknown")
  }

  @Test("It is not skipped: what follows is refused until it was repeated")
  func skipped() throws {
    _ = interrupt { try client.write(pattern(8192), at: 0) }
    let reader = try served.reader()
    let missing = Refusal(
      .ioError,
      "write of 100 bytes at offset 8192: the bytes from 0 to 8192 are missing: "
        + "an earlier request for them failed and has to be repeated first")
    #expect(throws: missing) { try client.write(pattern(100), at: 8192) }
    #expect(throws: Never.self) { try served.server.open().close() }
    try client.write(pattern(8192), at: 0)
    try client.write(pattern(100), at: 8192)
    client.close()
    served.end()
    expectSame(try reader.bytes(), pattern(8192) + pattern(100))
  }

  @Test("Not repeated, it is never zeroes: the stream ends there, failed")
  func notRepeated() throws {
    _ = interrupt { try client.write(pattern(8192), at: 0) }
    let reader = try served.reader()
    client.close()
    let report = try served.report()
    #expect(report.outcome == "failed")
    #expect(report.bytes == 0)
    #expect(
      report.error == "write of 8192 bytes at offset 0: "
        + "interrupted: the client has gone or the server stops")
    #expect(try reader.bytes().isEmpty)
  }

  @Test("Of one that was sent in part, the number is exact, and no more follows")
  func inPart() throws {
    let reading = try served.idleReader()
    let refusal = interrupt { try client.write(pattern(8 << 20), at: 0) }
    #expect(refusal?.errno == .socketShutdown)
    client.close()
    let report = try served.report()
    #expect(report.outcome == "failed")
    let taken = try Reader(reading).bytes()
    #expect(taken.count > 60_000)
    #expect(report.bytes == UInt64(taken.count))
    expectSame(taken, Array(pattern(8 << 20).prefix(taken.count)))
  }
}
