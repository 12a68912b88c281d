import StreamCore
import Testing

@testable import StreamFormats

/// Bytes that are our own doing, whatever the version of a library: how a stream is framed.
@Suite("The framing, byte for byte")
struct GoldenTests {
  private func hex(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
  }

  private func encode(_ compression: Compression, _ requests: [Request]) throws -> [UInt8] {
    var sink = try EncodingSink(OutputEncoding(compression: compression), end: Recorder())
    try sink.start()
    var position: UInt64 = 0
    try sink.send(requests, advancing: &position)
    try sink.finish()
    return sink.end.tape.bytes
  }

  @Test("zstd: frames of zeroes and a seek table")
  func zstd() throws {
    let bytes = try encode(.zstd, [.zeroes(300_001)])
    #expect(
      hex(bytes) == """
        28 b5 2f fd 84 38 e1 93 04 00 \
        02 00 10 00 02 00 10 00 0b 9f 04 00 eb bf b6 48 \
        5e 2a 4d 18 11 00 00 00 1a 00 00 00 e1 93 04 00 01 00 00 00 00 b1 ea 92 8f
        """)
  }

  @Test("zstd: a run is cut at 128 MiB")
  func cut() throws {
    let bytes = try encode(.zstd, [.zeroes(128 << 20 | 1)])
    let first = bytes.prefix(10 + 4 * 1024 + 4)
    #expect(hex(first.prefix(14)) == "28 b5 2f fd 84 38 00 00 00 08 02 00 10 00")
    #expect(hex(first.suffix(8)) == "03 00 10 00 34 0f 66 71")
    #expect(
      hex(bytes.dropFirst(first.count)) == """
        28 b5 2f fd 84 38 01 00 00 00 0b 00 00 00 68 27 05 db \
        5e 2a 4d 18 19 00 00 00 0e 10 00 00 00 00 00 08 12 00 00 00 01 00 00 00 \
        02 00 00 00 00 b1 ea 92 8f
        """)
  }

  @Test("zstd: the header of a block's frame is the same for every size and level")
  func header() throws {
    for (count, size) in [(1, "01 00 00 00"), (300, "2c 01 00 00"), (70_000, "70 11 01 00")] {
      let bytes = try encode(.zstd, [.data([UInt8](repeating: 5, count: count))])
      #expect(hex(bytes.prefix(5)) == "28 b5 2f fd 84")
      #expect(hex(bytes[6..<10]) == size)
    }
  }

  @Test("gzip: a mebibyte of zeroes is a member of about a kilobyte, each the same")
  func gzip() throws {
    let bytes = try encode(.gzip, [.zeroes(130 << 20)])
    let size = bytes.count / 130
    #expect(bytes.count == 130 * size)
    #expect((1000..<1100).contains(size))
    #expect(hex(bytes.prefix(4)) == "1f 8b 08 00")
    // CRC-32 of a mebibyte of zeroes, and its size.
    #expect(hex(bytes.suffix(8)) == "1c ea 38 a7 00 00 10 00")
    #expect(
      stride(from: 0, to: bytes.count, by: size).allSatisfy {
        bytes[$0..<($0 + size)] == bytes[..<size]
      })
  }
}
