import Testing

@testable import StreamFormats

@Suite("What is stored instead of deflated")
struct NoiseTests {
  private static let size = 64 << 10

  private static func isNoise(_ bytes: [UInt8]) -> Bool {
    bytes.withUnsafeBytes { Noise.isLikely($0) }
  }

  @Test("is noise, of which a thousand grains are all seen to be that")
  func noise() {
    var random = Random(3)
    for _ in 0..<1000 {
      #expect(Self.isNoise((0..<Self.size / 8).flatMap { _ in random.bytes }))
    }
  }

  @Test("is not what deflate makes smaller")
  func others() {
    var random = Random(4)
    let page = (0..<512).flatMap { _ in random.bytes }
    let digits = Array("0123456789abcdef".utf8)
    let samples: [[UInt8]] = [
      [UInt8](repeating: 0, count: Self.size),
      (0..<Self.size).map { UInt8(truncatingIfNeeded: $0) },
      (0..<Self.size).map { UInt8(truncatingIfNeeded: $0 >> 4) },
      (0..<16).flatMap { _ in page },
      (0..<Self.size).map { _ in digits[Int(random.next() % 16)] },
      Content.mixed(Self.size, seed: 8),
      // Noise but for a sixteenth, and for one bit of each byte.
      (0..<Self.size / 8).flatMap { $0 % 16 == 0 ? [0, 0, 0, 0, 0, 0, 0, 0] : random.bytes },
      (0..<Self.size / 8).flatMap { _ in random.bytes.map { $0 & 0x7F } },
    ]
    for (number, sample) in samples.enumerated() {
      #expect(!Self.isNoise(sample), "sample \(number)")
    }
    #expect(!Self.isNoise((0..<7000).flatMap { _ in random.bytes }), "too short to tell")
  }
}

extension Random {
  fileprivate var bytes: [UInt8] {
    mutating get { withUnsafeBytes(of: next()) { Array($0) } }
  }
}
