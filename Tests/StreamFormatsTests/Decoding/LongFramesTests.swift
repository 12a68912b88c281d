import Glibc
import StreamCore
import StreamFormats
import Testing

@Suite("A frame or member longer than 64 MiB")
struct LongFramesTests {
  private static let size = 70 << 20
  /// Not zeroes, and made in no time.
  private static let content = Array(repeating: UInt8(7), count: size)

  @Test(
    "goes out as it comes, but for its end, which waits for its checksum",
    .tool("zstd", "gzip"), arguments: [("zstd -1 -c", Compression.zstd), ("gzip -1 -c", .gzip)])
  func checksum(command: String, compression: Compression) throws {
    var stream = try Tool.run("head -c \(Self.size) /dev/zero | tr '\\0' '\\7' | \(command)", [])
    let right = Decoded(stream, compression)
    let isWhole = right.bytes == Self.content
    #expect(isWhole)
    #expect(right.failure == nil)
    stream[stream.count - 1 - (compression == .gzip ? 4 : 0)] ^= 1
    let wrong = Decoded(stream, compression)
    #expect(wrong.message?.contains("is damaged at byte") == true)
    #expect(wrong.bytes.count >= 64 << 20)
    #expect(wrong.bytes.count < Self.size)
    let isBeginning = Self.content.starts(with: wrong.bytes)
    #expect(isBeginning)
  }

  @Test("is one that was seen to be longer, and not one that says so")
  func pretended() {
    let frame = HandmadeFrame(
      content: 1 << 40, blocks: [.raw([1, 2, 3]), .repeated(5, 100_000), .raw([4])])
    let decoded = Decoded(frame.bytes, .zstd)
    #expect(decoded.bytes == [])
    #expect(decoded.message?.contains("is damaged at byte") == true)
  }

  /// What is read in a process of its own, for what it takes to be measured.
  enum Greed: String, CaseIterable {
    /// 16 GiB of one byte in half a mebibyte.
    case bomb
    /// Many frames that hold nothing, far more than are looked at ahead.
    case emptyFrames
    /// A block of one zero page, a block of one byte, and again: four times as many as are noted.
    case shortRuns
    /// The largest window there is, and data up to it.
    case window
    /// A skippable frame of almost 4 GiB that never comes.
    case skippable

    var stream: [UInt8] {
      switch self {
      case .bomb:
        HandmadeFrame(blocks: Array(repeating: .repeated(7, 128 << 10), count: 1 << 17)).bytes
      case .emptyFrames:
        Array(
          repeatElement(HandmadeFrame(content: 0, blocks: [.raw([])]).bytes, count: 1 << 18)
            .joined())
      case .shortRuns:
        HandmadeFrame(
          blocks: Array(repeatElement([.repeated(0, 4096), .raw([1])], count: 1 << 17).joined())
        ).bytes
      case .window:
        HandmadeFrame(
          window: 17 << 3, blocks: Array(repeating: .repeated(7, 128 << 10), count: 2000)
        ).bytes
      case .skippable: [0x50, 0x2A, 0x4D, 0x18, 0xFF, 0xFF, 0xFF, 0xFF] + [0, 0, 0]
      }
    }
  }

  @Test("takes no more memory than is said, whatever it holds", arguments: Greed.allCases)
  func memory(greed: Greed) async {
    await #expect(processExitsWith: .success) { [greed = greed.rawValue as String] in
      let stream = try #require(Greed(rawValue: greed)).stream
      let before = residentMost()
      var source = try DecodingSource(.zstd, from: PiecewiseSource(stream, piece: 1 << 20))
      // Far ahead first, so that all is looked at that may be.
      _ = try source.run(at: 1 << 40, upTo: .max)
      var position: UInt64 = 0
      for distance: UInt64 in [0, 1, 100_000] { _ = try source.run(at: distance, upTo: .max) }
      try? source.drop(1 << 31, advancing: &position)
      _ = try source.run(at: 1 << 40, upTo: .max)
      // What is read ahead, what is decoded and its notes, the window.
      let most = (64 + 64 + 8 + (greed == "window" ? 128 : 1)) << 20
      guard residentMost() - before < most else { exit(1) }
    }
  }
}

/// The most memory that this process ever had, in bytes.
private func residentMost() -> Int {
  var usage = rusage()
  getrusage(RUSAGE_SELF.rawValue, &usage)
  return usage.ru_maxrss << 10
}
