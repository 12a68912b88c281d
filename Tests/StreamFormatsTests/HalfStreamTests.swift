import StreamCore
import StreamFormats
import Testing

@Suite("Half a stream never looks whole")
struct HalfStreamTests {
  private func encoded(
    _ compression: Compression, _ seed: UInt64, hole: UInt64 = 300 << 20
  ) throws -> Recorder.Tape {
    var generator = Seeded(state: seed)
    var sink = try smallBlocks(compression)
    var position: UInt64 = 0
    try sink.send(randomRequests(using: &generator, total: 1_000_000), advancing: &position)
    try sink.sendZeroes(hole, advancing: &position)
    try sink.send([.data([1, 2, 3]), .zeroes(64 << 10), .flush], advancing: &position)
    try sink.finish()
    return sink.next.tape
  }

  @Test(
    "at no time before the end do those bytes that were handed on end with a frame",
    arguments: Compression.allCases)
  func neverAtABorder(_ compression: Compression) throws {
    let tape = try encoded(compression, 1)
    let borders = Decoders.borders(of: tape.bytes, compression)
    #expect(borders.count > 10)
    #expect(borders.last == tape.bytes.count)
    #expect(Set(tape.ends.dropLast()).isDisjoint(with: borders))
    #expect(tape.ends.last == tape.bytes.count)
  }

  @Test(
    "a border is crossed by a write that a pipe takes wholly or not at all",
    arguments: Compression.allCases)
  func crossedAtOnce(_ compression: Compression) throws {
    let tape = try encoded(compression, 2)
    for border in Decoders.borders(of: tape.bytes, compression).dropLast() {
      let index = try #require(tape.ends.firstIndex { $0 > border })
      let start = index == 0 ? 0 : tape.ends[index - 1]
      #expect(tape.ends[index] - start <= 4096)
    }
  }

  @Test(
    "what a dead server has handed on is refused, wherever it stopped",
    arguments: Compression.allCases)
  func refused(_ compression: Compression) throws {
    let tape = try encoded(compression, 3, hole: 3 << 20)
    let bytes = tape.bytes
    #expect(Decoders.disk(in: bytes, compression) != nil)
    let borders = Set(Decoders.borders(of: bytes, compression))
    var generator = Seeded(state: 3)
    let anywhere = (0..<40).map { _ in Int.random(in: 1..<bytes.count, using: &generator) }
    for cut in tape.ends.dropLast().filter({ $0 % 5 == 0 }) + anywhere where !borders.contains(cut)
    {
      #expect(Decoders.disk(in: Array(bytes[..<cut]), compression) == nil, "cut at \(cut)")
    }
  }

  @Test(
    "without finish the checksum of the last block is never handed on",
    arguments: Compression.allCases)
  func withheld(_ compression: Compression) throws {
    var sink = try smallBlocks(compression)
    var position: UInt64 = 0
    let block = [UInt8](repeating: 7, count: 64 << 10)
    for _ in 0..<3 { try sink.send(block.span.bytes, advancing: &position) }
    try sink.flush()
    let before = sink.next.tape.bytes.count
    #expect(Decoders.disk(in: sink.next.tape.bytes, compression) == nil)
    try sink.flush()
    try sink.flush()
    #expect(sink.next.tape.bytes.count == before)
    try sink.finish()
    #expect(Decoders.disk(in: sink.next.tape.bytes, compression)?.count == 3 * block.count)
  }
}
