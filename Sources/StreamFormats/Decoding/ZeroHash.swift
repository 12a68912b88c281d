/// The checksum of a zstd frame of zeroes: the low half of XXH64.
///
/// States are kept at borders, so that the next frame's checksum costs next to nothing.
struct ZeroHash: Sendable {
  private static let prime1: UInt64 = 0x9E37_79B1_85EB_CA87
  private static let prime2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
  private static let prime3: UInt64 = 0x1656_67B1_9E37_79F9
  private static let prime4: UInt64 = 0x85EB_CA77_C2B2_AE63
  private static let prime5: UInt64 = 0x27D4_EB2F_1656_67C5

  private static let border: UInt64 = 128 << 10
  /// A GiB, 256 KiB of states.
  private static let mostBorders = 8192

  private typealias Lanes = SIMD4<UInt64>

  /// The state at each border, the first at 0.
  private var borders: [Lanes] = [
    Lanes(prime1 &+ prime2, prime2, 0, 0 &- prime1)
  ]

  /// The checksum of `count` zeroes. Takes 50 ms for each GiB of which it knows nothing.
  mutating func checksum(_ count: UInt64) -> UInt32 {
    UInt32(truncatingIfNeeded: hash(count))
  }

  private mutating func hash(_ count: UInt64) -> UInt64 {
    var hash = Self.prime5
    if count >= 32 {
      let lanes = lanes(count)
      hash = Self.rotated(lanes[0], 1) &+ Self.rotated(lanes[1], 7)
      hash = hash &+ Self.rotated(lanes[2], 12) &+ Self.rotated(lanes[3], 18)
      for index in 0..<4 {
        hash ^= Self.rotated(lanes[index] &* Self.prime2, 31) &* Self.prime1
        hash = hash &* Self.prime1 &+ Self.prime4
      }
    }
    hash = hash &+ count
    for _ in 0..<count % 32 / 8 {
      hash = Self.rotated(hash, 27) &* Self.prime1 &+ Self.prime4
    }
    if count % 8 >= 4 { hash = Self.rotated(hash, 23) &* Self.prime2 &+ Self.prime3 }
    for _ in 0..<count % 4 { hash = Self.rotated(hash, 11) &* Self.prime1 }
    hash = (hash ^ hash >> 33) &* Self.prime2
    hash = (hash ^ hash >> 29) &* Self.prime3
    return hash ^ hash >> 32
  }

  /// The state after all whole stripes of 32 bytes.
  private mutating func lanes(_ count: UInt64) -> Lanes {
    let needed = Int(min(count / Self.border, UInt64(Self.mostBorders)))
    while borders.count <= needed {
      borders.append(Self.advanced(borders[borders.count - 1], Self.border / 32))
    }
    return Self.advanced(borders[needed], (count - UInt64(needed) * Self.border) / 32)
  }

  private static func advanced(_ lanes: Lanes, _ stripes: UInt64) -> Lanes {
    // Four numbers apart: the multiplication has no vector form, and so they run side by side.
    var (first, second, third, fourth) = (lanes[0], lanes[1], lanes[2], lanes[3])
    for _ in 0..<stripes {
      first = rotated(first, 31) &* prime1
      second = rotated(second, 31) &* prime1
      third = rotated(third, 31) &* prime1
      fourth = rotated(fourth, 31) &* prime1
    }
    return Lanes(first, second, third, fourth)
  }

  private static func rotated(_ number: UInt64, _ count: UInt64) -> UInt64 {
    number << count | number >> (64 - count)
  }
}
