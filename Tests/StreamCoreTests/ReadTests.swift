import StreamCore
import Testing

@Suite("What clients can see")
struct ReadTests {
  private var stream = TextStream(reorder: 8, rewind: 6)

  /// Sent, held, a gap, zeroes, a failed request, and nothing above: `ab|cdef.gh..x`.
  init() throws {
    try stream.write("abcdef", at: 0)
    try stream.write("h", at: 7)
    try stream.zero(8..<10)
    stream.sink.fault = .noReader
    #expect(throws: StreamError.interrupted) { try stream.write("x", at: 10) }
    stream.sink.fault = .none
    #expect(stream.position == 4)
  }

  @Test("a read gives what is held, and zeroes where nothing is")
  mutating func read() throws {
    #expect(try stream.text(4..<12) == "ef.h....")
    #expect(try stream.text(5..<8) == "f.h")
    #expect(try stream.text(100..<103) == "...")
  }

  @Test("a read of what was sent is refused and harms nothing", arguments: [0..<1, 3..<6])
  mutating func readSent(range: Range<Int>) throws {
    #expect(throws: StreamError.sent(range.wide, position: 4)) { try stream.text(range) }
    #expect(stream.failure == nil)
    #expect(try stream.text(4..<5) == "e")
  }

  @Test("a read that starts in one held range and ends in it sees no more of it")
  mutating func readInside() throws {
    try stream.write("EFGH", at: 4)
    #expect(try stream.text(5..<7) == "FG")
  }

  @Test("sent and held data is data, held zeroes are zeroes, the rest is a hole")
  func extents() {
    #expect(stream.extents(0..<13) == "ddddddhdzzhhh")
    #expect(stream.extents(5..<9) == "dhdz")
    #expect(stream.extents(1 << 40..<(1 << 40) + 3) == "hhh")
  }

  @Test("extents end when their receiver has enough")
  func enough() {
    var count = 0
    stream.forEachExtent(in: 0..<13) { _, _ in
      count += 1
      return count < 3
    }
    #expect(count == 3)
  }
}
