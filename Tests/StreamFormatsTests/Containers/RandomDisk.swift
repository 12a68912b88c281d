import StreamCore
import Testing

@testable import StreamFormats

/// A disk of data and zeroes in random runs, and how it goes through a container in random pieces.
struct RandomDisk {
  private(set) var bytes: [UInt8] = []
  private var runs: [(range: Range<Int>, isZero: Bool)] = []
  private let seed: Int

  init(seed: Int, runs count: Int = 12) {
    self.seed = seed
    var random = Generator(state: UInt64(seed) &* 2_654_435_761 &+ 1)
    for _ in 0..<count {
      let length = Int.random(in: 1...3000, using: &random)
      let isZero = Bool.random(using: &random)
      runs.append((bytes.count..<bytes.count + length, isZero))
      for _ in 0..<length { bytes.append(isZero ? 0 : UInt8.random(in: 0...255, using: &random)) }
    }
  }

  func container(_ format: DiskFormat) throws -> Container {
    try #require(
      Container(
        format, size: UInt64(bytes.count), seconds: 1, identity: [UInt8](repeating: 1, count: 16)))
  }

  func through(
    _ format: DiskFormat, interrupted: Bool = false, finishing: Bool = true
  ) throws -> [UInt8] {
    var sink = ContainerSink(try container(format), before: OutputSink())
    var position: UInt64 = 0
    try send(to: &sink, at: &position, interrupted: interrupted)
    if finishing { try sink.finish() }
    #expect(sink.next.isFinished == finishing)
    return sink.next.bytes
  }

  /// Sends all runs; after an interruption what is left of one comes again, as a repeated request
  /// does.
  func send(
    to sink: inout ContainerSink<OutputSink>, at position: inout UInt64, interrupted: Bool
  ) throws {
    var random = Generator(state: UInt64(seed) &+ 99)
    while position < bytes.count {
      let run = runs.first { $0.range.contains(Int(position)) }
      let end = try #require(run).range.upperBound
      let most = Int.random(in: 1...2000, using: &random)
      let part = Int(position)..<min(end, Int(position) + most)
      if interrupted { sink.next.interruption = Int.random(in: 0...2500, using: &random) }
      // A repeated request may come as other zeroes or data than the one before.
      let asZeroes = run?.isZero == true && Int.random(in: 0..<4, using: &random) > 0
      do throws(TransferError) {
        try Self.send(Array(bytes[part]), asZeroes: asZeroes, to: &sink, at: &position)
      } catch {
        guard error == .interrupted else { throw error }
      }
    }
    sink.next.interruption = nil
  }

  private static func send(
    _ bytes: [UInt8], asZeroes: Bool, to sink: inout ContainerSink<OutputSink>,
    at position: inout UInt64
  ) throws(TransferError) {
    guard !asZeroes else {
      return try sink.sendZeroes(UInt64(bytes.count), advancing: &position)
    }
    try sink.send(bytes.span.bytes, advancing: &position)
  }
}

/// The same numbers for the same seed (SplitMix64).
private struct Generator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
