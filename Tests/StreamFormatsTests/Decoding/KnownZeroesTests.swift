import StreamCore
import StreamFormats
import Testing

@Suite("The zeroes of a compressed stream")
struct KnownZeroesTests {
  private static let mib: UInt64 = 1 << 20

  @Test("in frames of their own are known ahead, given and dropped for nothing", .tool("zstd"))
  func frames() throws {
    let data = Array(Content.mixed(2_000_000, seed: 3))
    let packed = try Tool.run("zstd -c \"$IN\"", data)
    let stream = packed + HandmadeFrame.zeroes(1 << 30) + packed + HandmadeFrame.zeroes(5)
    var source = try DecodingSource(.zstd, from: PiecewiseSource(stream, piece: 65_536))
    let length = UInt64(data.count)
    #expect(try source.run(at: length, upTo: .max) == .zeroes(1 << 30))
    #expect(try source.run(at: length + 12_345, upTo: .max) == .zeroes(1 << 30 - 12_345))
    #expect(try source.run(at: 2 * length + 1 << 30, upTo: .max) == .zeroes(5))
    #expect(try source.run(at: 2 * length + 1 << 30 + 5, upTo: .max) == .end)
    var bytes: [UInt8] = []
    try source.append(data.count, to: &bytes)
    #expect(bytes == data)
    var position = length
    #expect(try source.run(at: 0, upTo: .max) == .zeroes(1 << 30))
    try source.drop(1 << 30 - 3, advancing: &position)
    #expect(position == length + 1 << 30 - 3)
    bytes = []
    try source.append(data.count + 100, to: &bytes)
    #expect(bytes == [0, 0, 0] + data + [0, 0, 0, 0, 0])
    #expect(source.bytesTaken == UInt64(stream.count))
  }

  @Test("whose checksum is right are zeroes for zstd, too", .tool("zstd"))
  func checksum() throws {
    for count in [1, 31, 32, 33, 131_072, 1_000_000, 3_000_007] {
      let packed = try Tool.run("head -c \(count) /dev/zero | zstd -c", [])
      let checksum = packed.suffix(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      let right = HandmadeFrame.zeroes(count, checksum: checksum)
      #expect(try Tool.run("zstd -dc", right) == Array(repeating: 0, count: count))
      #expect(Decoded(right, .zstd).bytes == Array(repeating: 0, count: count))
      let wrong = HandmadeFrame.zeroes(count, checksum: checksum ^ 1)
      #expect(
        Decoded(wrong, .zstd).message
          == "the zstd stream is damaged at byte \(wrong.count - 4): the checksum is wrong")
      #expect(Decoded(wrong, .zstd).bytes == [])
      var source = try DecodingSource(.zstd, from: PiecewiseSource(wrong))
      #expect(try source.run(at: 0, upTo: .max) == .unknown)
    }
  }

  @Test("that zstd found itself are known, in a frame of any kind", .tool("zstd"))
  func blocks() throws {
    let data = Content.mixed(1_000_000, seed: 8)
    let zeroes = Array(repeating: UInt8(0), count: 20 << 20)
    let content = data + zeroes + data + zeroes
    for command in ["zstd -1 -c", "zstd -3 -c \"$IN\"", "zstd -1 -c --no-check", "zstd -19 -T0 -c"]
    {
      let stream = try Tool.run(command, content)
      var source = try DecodingSource(.zstd, from: PiecewiseSource(stream, piece: 65_536))
      let known = try knownZeroes(&source, content.count)
      for range in known { #expect(content[range].allSatisfy { $0 == 0 }) }
      let count = known.reduce(0) { $0 + $1.count }
      #expect(count > 2 * zeroes.count - 1 << 20, "\(command): \(count)")
      var bytes: [UInt8] = []
      try source.append(content.count + 1, to: &bytes)
      #expect(bytes == content)
    }
  }

  @Test("are not known farther ahead than 64 MiB of data, and then are")
  func bound() throws {
    let data = Content.mixed(1 << 20, seed: 11)
    let block = HandmadeFrame.Block.raw(Array(data[..<(128 << 10)]))
    // No size in the header: only decoding tells where what is.
    let frame = HandmadeFrame(
      blocks: Array(repeating: block, count: 8 * 100) + [.repeated(0, 128 << 10)])
    var source = try DecodingSource(.zstd, from: PiecewiseSource(frame.bytes))
    #expect(try source.run(at: 100 * Self.mib, upTo: .max) == .unknown)
    #expect(try source.run(at: 63 * Self.mib, upTo: .max) == .data(Self.mib + 128 << 10))
    #expect(source.bytesTaken < 66 << 20)
    var position: UInt64 = 0
    try source.drop(50 << 20, advancing: &position)
    #expect(try source.run(at: 50 * Self.mib, upTo: .max) == .zeroes(128 << 10))
  }

  /// All runs of zeroes that the source tells, from the position on.
  private func knownZeroes<Upstream>(
    _ source: inout DecodingSource<Upstream>, _ count: Int
  ) throws -> [Range<Int>] {
    var known: [Range<Int>] = []
    var next = 0
    while next < count {
      switch try source.run(at: UInt64(next), upTo: .max) {
      case .zeroes(let length):
        known.append(next..<next + Int(length))
        next += Int(length)
      case .data(let length): next += Int(length)
      case .unknown, .end: return known
      }
    }
    return known
  }
}
