import Testing

@testable import StreamDisk

@Suite("The size that a zstd file tells")
struct ZstdSizeTests {
  @Test("is that of its only frame")
  func one() throws { #expect(try size(frame(1 << 20)) == 1 << 20) }

  @Test("is the sum of all frames, whatever is skipped between them")
  func many() throws {
    let skipped: [UInt8] = [0x50, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 1, 2, 3]
    #expect(try size(frame(1 << 20) + skipped + frame(300_000)) == 1 << 20 + 300_000)
  }

  @Test("comes from the seek table, if that fills the file")
  func seekTable() throws {
    let frames = [frame(1 << 20), frame(300_000)]
    #expect(
      try size(frames.flatMap { $0 } + table(frames, [1 << 20, 300_000])) == 1 << 20 + 300_000)
  }

  @Test("does not come from a table of other frames")
  func foreignTable() throws {
    let frames = [frame(1 << 20), frame(300_000)]
    #expect(try size(frame(5000) + table(frames, [1 << 20, 300_000])) == 5000)
  }

  @Test("is not told by a frame without its content size")
  func untold() throws {
    #expect(try size([0x28, 0xB5, 0x2F, 0xFD, 0x04, 0x38, 3, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0]) == nil)
  }

  @Test("is not told by a file cut anywhere")
  func cut() throws {
    let whole = frame(1 << 20) + frame(300_000)
    for count in 1..<whole.count where count != frame(1 << 20).count {
      #expect(try size(Array(whole.prefix(count))) == nil, "\(count)")
    }
  }

  @Test("does not crash on random bytes")
  func random() throws {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<20_000 {
      var bytes = frame(1 << 20) + table([frame(1 << 20)], [1 << 20])
      for _ in 0..<Int.random(in: 1...8) {
        bytes[Int.random(in: bytes.indices)] = UInt8.random(in: 0...255, using: &generator)
      }
      _ = try size(Array(bytes.prefix(Int.random(in: 0...bytes.count))))
    }
  }

  private func size(_ bytes: [UInt8]) throws -> UInt64? {
    try ZstdSize.find(fileSize: UInt64(bytes.count)) { offset, count throws(Failure) in
      Array(bytes.dropFirst(Int(offset)).prefix(count))
    }
  }

  /// Zeroes as RLE blocks of at most 128 KiB, with a checksum that nobody looks at here.
  private func frame(_ size: UInt32) -> [UInt8] {
    var bytes: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0x84, 0x38] + little(size)
    var left = size
    while left > 0 {
      let count = min(left, 1 << 17)
      left -= count
      bytes += little(count << 3 | 1 << 1 | (left == 0 ? 1 : 0)).prefix(3) + [0]
    }
    return bytes + [1, 2, 3, 4]
  }

  private func table(_ frames: [[UInt8]], _ sizes: [UInt32]) -> [UInt8] {
    let entries = zip(frames, sizes).flatMap { little(UInt32($0.count)) + little($1) }
    return little(0x184D_2A5E) + little(UInt32(entries.count + 9)) + entries
      + little(UInt32(frames.count)) + [0] + little(0x8F92_EAB1)
  }

  private func little(_ number: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
  }
}
