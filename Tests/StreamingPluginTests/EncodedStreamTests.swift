import CFakeNBDKit
import Glibc
import NBDKitTestKit
import SystemPackage
import TestSupport
import Testing

@testable import StreamingPlugin

@Suite("A stream that is compressed", .exclusiveServer, .timeLimit(.minutes(10)))
struct EncodedStreamTests {
  private let served: Served
  private let client: FakeClient

  init() throws {
    served = try Served([
      "size": "32M", "compress": "zstd", "compress-threads": "1", "digest": "sha256",
      "disk-digest": "sha256",
    ])
    client = try served.server.open()
  }

  /// What no compressor makes smaller.
  private func noise(_ count: Int) -> [UInt8] {
    var state: UInt64 = 1
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    while bytes.count < count {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      withUnsafeBytes(of: state >> 16) { bytes += $0[..<4] }
    }
    return bytes
  }

  @Test("is all in the pipe, its end too, when the last request is answered")
  func answered() throws {
    let reader = try served.idleReader()
    try client.write(pattern(1 << 20), at: 0)
    try client.zero(31 << 20, at: 1 << 20)
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = try bytes.withUnsafeMutableBytes { try reader.read(into: $0) }
    // What the seek table ends with.
    #expect(bytes[..<count].suffix(4) == [0xB1, 0xEA, 0x92, 0x8F])
    client.close()
    let report = try served.report()
    #expect(report.outcome == "complete")
    #expect(report.compression == "zstd")
    #expect(report.bytes == 32 << 20)
    #expect(report.outputBytes == UInt64(count))
    #expect(report.digest?.hasPrefix("sha256:") == true)
    #expect(report.diskDigest?.hasPrefix("sha256:") == true)
    #expect(report.diskDigest != report.digest)
  }

  @Test("A reader that dies is the answer to a request, and what it has whole is counted")
  func deadReader() throws {
    let reader = try served.idleReader()
    let refusal = #expect(throws: Refusal.self) {
      for block in 0..<8 {
        try client.write(noise(4 << 20), at: UInt64(block) << 22)
        if block == 0 { try reader.close() }
      }
    }
    #expect(refusal?.errno == .ioError)
    #expect(refusal?.lines.last?.hasSuffix("pipe=out: the reader has gone") == true)
    #expect(throws: Refusal.self) { try client.flush() }
    #expect(throws: Refusal.self) { _ = try served.server.open() }
    client.close()
    let report = try served.report()
    #expect(report.outcome == "failed")
    // No block was read, let alone whole.
    #expect(report.bytes == 0)
    #expect(report.digest == nil)
  }

  @Test("A last request that was interrupted is finished at the end of the server")
  func interruptedEnd() throws {
    let reader = try served.idleReader()
    // More than any pipe holds, which nobody reads.
    try client.zero(30 << 20, at: 0)
    fake_set_stopping(1)
    let refusal = #expect(throws: Refusal.self) { try client.write(noise(2 << 20), at: 30 << 20) }
    fake_set_stopping(0)
    #expect(refusal?.errno == .socketShutdown)
    client.close()
    _ = fcntl(reader.rawValue, F_SETFL, 0)
    let bytes = Reader(reader)
    let report = try served.report()
    #expect(report.outcome == "complete")
    #expect(report.refusedRequests == 1)
    let output = try bytes.bytes()
    #expect(output.count == Int(report.outputBytes))
    #expect(output.suffix(4) == [0xB1, 0xEA, 0x92, 0x8F])
  }

  @Test("A disk that is short is a stream without an end")
  func short() throws {
    let reader = try served.reader()
    try client.write(noise(5 << 20), at: 0)
    try client.flush()
    client.close()
    let report = try served.report()
    #expect(report.outcome == "short")
    #expect(report.missingBytes == 27 << 20)
    // The first block lacks its last 4 bytes: they go out with what follows.
    #expect(report.bytes == 0)
    let output = try reader.bytes()
    #expect(output.count == Int(report.outputBytes))
    #expect(output.count > 4 << 20)
    #expect(output.count < 4 << 20 | 1 << 10)
  }
}
