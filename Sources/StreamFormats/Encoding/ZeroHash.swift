/// XXH64, seed 0, of zeroes alone. It makes the checksum of a ready-made frame without reading a
/// zero. The state at each multiple of 128 KiB is kept, so a length costs at most one more step.
///
/// For an input of zeroes, a round only rotates and multiplies; so this is a few lines, and every
/// decoder checks the result.
struct ZeroHash: @unchecked Sendable {
  static let step: UInt64 = 128 << 10
  private static let prime1: UInt64 = 0x9E37_79B1_85EB_CA87
  private static let prime2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
  private static let prime3: UInt64 = 0x1656_67B1_9E37_79F9
  private static let prime4: UInt64 = 0x85EB_CA77_C2B2_AE63
  private static let prime5: UInt64 = 0x27D4_EB2F_1656_67C5

  private typealias State = SIMD4<UInt64>
  private let memory: Memory
  private let states: UnsafeMutableBufferPointer<State>
  private var known = 1

  /// For up to `longest` zeroes. `nil` if there is no memory.
  init?(longest: UInt64) {
    let count = Int(longest / Self.step) + 1
    guard let memory = Memory(count: count * MemoryLayout<State>.stride) else { return nil }
    self.memory = memory
    states = memory.bytes.bindMemory(to: State.self)
    states[0] = State(Self.prime1 &+ Self.prime2, Self.prime2, 0, 0 &- Self.prime1)
  }

  /// The low 32 bits of the hash of `count` zeroes.
  mutating func low32(_ count: UInt64) -> UInt32 {
    let border = Int(count / Self.step)
    while known <= border {
      states[known] = Self.advance(states[known - 1], by: Self.step / 32)
      known += 1
    }
    var hash = Self.prime5
    if count >= 32 {
      let state = Self.advance(states[border], by: count % Self.step / 32)
      hash = 0
      for (lane, turn) in [1, 7, 12, 18].enumerated() {
        hash &+= Self.turned(state[lane], UInt64(turn))
      }
      for lane in 0..<4 {
        hash ^= Self.turned(state[lane] &* Self.prime2, 31) &* Self.prime1
        hash = hash &* Self.prime1 &+ Self.prime4
      }
    }
    return UInt32(truncatingIfNeeded: Self.finished(hash, count))
  }

  private static func advance(_ state: State, by rounds: UInt64) -> State {
    // The third lane stays 0.
    var (first, second, fourth) = (state[0], state[1], state[3])
    for _ in 0..<rounds {
      first = turned(first, 31) &* prime1
      second = turned(second, 31) &* prime1
      fourth = turned(fourth, 31) &* prime1
    }
    return State(first, second, 0, fourth)
  }

  private static func finished(_ hash: UInt64, _ count: UInt64) -> UInt64 {
    var hash = hash &+ count
    for _ in 0..<(count % 32 / 8) { hash = turned(hash, 27) &* prime1 &+ prime4 }
    if count % 8 >= 4 { hash = turned(hash, 23) &* prime2 &+ prime3 }
    for _ in 0..<(count % 4) { hash = turned(hash, 11) &* prime1 }
    hash = (hash ^ hash >> 33) &* prime2
    hash = (hash ^ hash >> 29) &* prime3
    return hash ^ hash >> 32
  }

  private static func turned(_ value: UInt64, _ by: UInt64) -> UInt64 {
    value &<< by | value &>> (64 - by)
  }
}
