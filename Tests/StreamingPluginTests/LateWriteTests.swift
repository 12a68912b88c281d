import NBDKitTestKit
import SystemPackage
import TestSupport
import Testing

@Suite("A write below the position ends the stream", .exclusiveServer, .timeLimit(.minutes(10)))
struct LateWriteTests {
  private let late = Refusal(
    .ioError,
    "write of 512 bytes at offset 4096: below the stream's position 10000, sent already: "
      + "it missed the rewind window: at least rewind=6k is needed")

  @Test("It says where and what would help, and everything after that is refused")
  func latch() throws {
    let served = try Served()
    let reader = try served.reader()
    let client = try served.server.open()
    try client.write(pattern(10_000), at: 0)
    #expect(throws: late) { try client.write(pattern(512), at: 4096) }

    // Without a line each: a client that goes on would fill a disk with them.
    let silent = Refusal(.ioError)
    #expect(throws: silent) { try client.write(pattern(512), at: 10_000) }
    #expect(throws: silent) { try client.zero(512, at: 10_000) }
    #expect(throws: silent) { try client.flush() }

    let refused = Refusal(.ioError, "refused: the stream has failed: start nbdkit again")
    #expect(throws: refused) { try served.server.preconnect() }
    #expect(throws: refused) { _ = try served.server.open() }

    client.close()
    let report = try served.report()
    #expect(report.outcome == "failed")
    #expect(report.bytes == 10_000)
    #expect(report.error == late.lines.first)
    #expect(report.refusedRequests == 4)
    #expect(FakeServer.errors.last == "3 more requests were answered with an error")
    expectSame(try reader.bytes(), pattern(10_000))
  }

  @Test("A zero that comes late for what was skipped is accepted: that is what was sent")
  func lateZero() throws {
    let served = try Served(["reorder": "0"])
    let reader = try served.reader()
    let client = try served.server.open()
    try client.write(pattern(10_000), at: 100_000)
    try client.zero(50_000, at: 25_000)
    try client.write(pattern(10), at: 110_000)
    client.close()
    served.end()
    expectSame(
      try reader.bytes(), [UInt8](repeating: 0, count: 100_000) + pattern(10_000) + pattern(10))
  }

  @Test("A zero is refused too where it is not what was sent")
  func zero() throws {
    let served = try Served()
    let reader = try served.reader()
    let client = try served.server.open()
    try client.write(pattern(10_000), at: 0)
    let refusal = #expect(throws: Refusal.self) { try client.zero(512, at: 4096) }
    #expect(refusal?.errno == .ioError)
    #expect(throws: Refusal.self) { try served.server.open() }
    served.end()
    expectSame(try reader.bytes(), pattern(10_000))
  }
}
