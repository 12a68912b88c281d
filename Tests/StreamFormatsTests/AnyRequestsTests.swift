import StreamCore
import StreamFormats
import TestSupport
import Testing

@Suite("Whatever is written, in whatever pieces")
struct AnyRequestsTests {
  @Test(
    "comes out of a decoder as it was", arguments: Compression.allCases, [1 as UInt64, 2, 3, 4, 5])
  func same(_ compression: Compression, _ seed: UInt64) throws {
    var generator = Seeded(state: seed)
    for _ in 0..<8 {
      let threads = Int.random(in: 1...3, using: &generator)
      let level = Int.random(in: compression.levels, using: &generator)
      let requests = randomRequests(using: &generator, total: 1_500_000)
      var sink = try smallBlocks(compression, threads: threads, level: min(level, 9))
      var position: UInt64 = 0
      try sink.send(requests, advancing: &position)
      try sink.finish()
      let disk = requests.disk
      #expect(position == disk.count)
      let decoded = Decoders.disk(in: sink.next.tape.bytes, compression)
      expectSame(decoded ?? [], disk)
      #expect(sink.next.tape.finishes == 1)
    }
  }

  @Test("nothing at all is a whole stream too", arguments: Compression.allCases)
  func empty(_ compression: Compression) throws {
    var sink = try smallBlocks(compression)
    try sink.finish()
    #expect(Decoders.disk(in: sink.next.tape.bytes, compression) == [])
    #expect(!sink.next.tape.bytes.isEmpty)
  }

  @Test("zeroes of any length alone", arguments: Compression.allCases)
  func zeroes(_ compression: Compression) throws {
    for count in [1, 4095, 16_383, 16_384, 65_535, 65_536, 65_537, 131_073, 5 << 20, 129 << 20 | 1]
    {
      var sink = try smallBlocks(compression)
      var position: UInt64 = 0
      try sink.sendZeroes(UInt64(count), advancing: &position)
      try sink.finish()
      let decoded = Decoders.disk(in: sink.next.tape.bytes, compression)
      expectZeroes(decoded, count)
    }
  }

  @Test("the number of threads changes no byte of the output", arguments: Compression.allCases)
  func deterministic(_ compression: Compression) throws {
    var generator = Seeded(state: 77)
    let requests = randomRequests(using: &generator, total: 2_000_000)
    let outputs = try [1, 2, 5].map { threads in
      var sink = try smallBlocks(compression, threads: threads)
      var position: UInt64 = 0
      try sink.send(requests, advancing: &position)
      try sink.finish()
      return sink.next.tape.bytes
    }
    expectSame(outputs[1], outputs[0])
    expectSame(outputs[2], outputs[0])
  }
}
