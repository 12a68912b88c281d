/// What disks hold, made from a seed.
enum Content {
  /// Runs of bytes that compress well, of ones that don't, and of zeroes.
  static func mixed(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var random = Random(seed)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    while bytes.count < count {
      let length = min(count - bytes.count, 1 << Int(random.next() % 20))
      switch random.next() % 4 {
      case 0: bytes += repeatElement(0, count: length)
      case 1: bytes += (0..<length).map { _ in UInt8(truncatingIfNeeded: random.next() >> 32) }
      case 2: bytes += (0..<length).map { UInt8(truncatingIfNeeded: $0 / 3) }
      default:
        let word = random.next()
        bytes += (0..<length).map { UInt8(truncatingIfNeeded: word >> UInt64($0 % 7 * 8)) & 0x3F }
      }
    }
    return bytes
  }
}

/// The same numbers for the same seed.
struct Random: RandomNumberGenerator {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state &* 0x2545_F491_4F6C_DD1D
  }
}
