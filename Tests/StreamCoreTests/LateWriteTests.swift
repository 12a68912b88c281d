import StreamCore
import Testing

@Suite("A write below the position")
struct LateWriteTests {
  private var stream = TextStream()

  init() throws {
    try stream.write("ab", at: 0)
    try stream.write("ef", at: 4)
    try stream.write("i", at: 8)
    #expect(stream.sent == "ab..ef..i")
  }

  @Test("is refused, even where a part of it is not behind", arguments: [1, 8] as [UInt64])
  mutating func refused(offset: UInt64) throws {
    #expect(throws: StreamError.late(offset..<offset + 2, position: 9)) {
      try stream.write("xx", at: offset)
    }
    #expect(stream.sent == "ab..ef..i")
  }

  @Test("fails the stream: every request that writes is refused from then on, reads are not")
  mutating func final() throws {
    #expect(throws: StreamError.self) { try stream.write("x", at: 0) }
    #expect(throws: StreamError.failedBefore) { try stream.write("j", at: 9) }
    #expect(throws: StreamError.failedBefore) { try stream.zero(9..<10) }
    #expect(throws: StreamError.failedBefore) { try stream.zero(2..<4) }
    #expect(throws: StreamError.failedBefore) { try stream.flush() }
    #expect(throws: StreamError.failedBefore) { try stream.checkForFailure() }
    #expect(throws: StreamError.late(0..<1, position: 9)) { try stream.finish() }
    #expect(stream.failure == .late(0..<1, position: 9))
    #expect(stream.sent == "ab..ef..i")
    #expect(try stream.text(9..<12) == "...")
  }

  @Test(
    "is accepted if it zeroes what was sent as a filled hole", arguments: [2..<4, 3..<4, 6..<8])
  mutating func zeroOfHole(range: Range<UInt64>) throws {
    try stream.zero(range)
    try stream.write("j", at: 9)
    #expect(stream.sent == "ab..ef..ij")
  }

  @Test("is refused if it zeroes anything else as well", arguments: [1..<3, 3..<5, 2..<8, 0..<1])
  mutating func zeroOfMore(range: Range<UInt64>) throws {
    #expect(throws: StreamError.late(range, position: 9)) { try stream.zero(range) }
  }

  @Test("is accepted if it begins in a filled hole and goes on ahead")
  func zeroFromHole() throws {
    var stream = TextStream(rewind: 2)
    try stream.write("ef", at: 4)
    #expect(stream.sent == "....")
    try stream.zero(1..<5)
    try stream.finish()
    #expect(stream.sent == ".....f")
  }

  @Test("is refused if it zeroes what the client had asked to be zero, or data as well")
  func zeroOfZeroes() throws {
    var stream = TextStream()
    try stream.zero(0..<4)
    #expect(throws: StreamError.late(0..<4, position: 4)) { try stream.zero(0..<4) }
    stream = TextStream()
    try stream.write("e", at: 4)
    #expect(throws: StreamError.late(3..<6, position: 5)) { try stream.zero(3..<6) }
  }

  @Test("is refused if it writes into a filled hole")
  mutating func dataInHole() throws {
    #expect(throws: StreamError.late(2..<3, position: 9)) { try stream.write("c", at: 2) }
  }

  @Test("a hole sent in two parts is one hole")
  func holeInParts() throws {
    var stream = TextStream(reorder: 1)
    try stream.write("g", at: 6)
    stream.sink.fault = .interrupted(after: 2)
    #expect(throws: StreamError.interrupted) { try stream.flush() }
    stream.sink.fault = .none
    try stream.flush()
    try stream.zero(0..<6)
    #expect(stream.sent == "......g")
  }

  @Test("only the newest 65,536 holes are remembered")
  func manyHoles() throws {
    var stream = OrderedStream(
      limits: .init(reorder: 0, rewind: 0, head: 0), sink: CallLog(), store: CheckedStore())
    let byte: [UInt8] = [1]
    for hole in 0..<UInt64(65_537) { try stream.write(byte.span.bytes, at: 2 * hole + 1) }
    try stream.zero(2..<3)
    #expect(throws: StreamError.self) { try stream.zero(0..<1) }
  }
}
