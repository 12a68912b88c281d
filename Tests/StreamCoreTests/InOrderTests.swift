import StreamCore
import Testing

@Suite("Writes in order")
struct InOrderTests {
  @Test("are sent before they are acknowledged, and nothing is stored")
  func sentAtOnce() throws {
    var stream = TextStream()
    try stream.write("abc", at: 0)
    #expect(stream.sent == "abc")
    try stream.write("de", at: 3)
    #expect(stream.sent == "abcde")
    #expect(stream.position == 5)
    #expect(stream.stored == 0)
  }

  @Test("go to the sink from the request's own buffer", arguments: [0, 4] as [UInt64])
  func notCopied(head: UInt64) throws {
    var stream = OrderedStream(
      limits: .init(reorder: 0, rewind: 0, head: head), sink: CallLog(), store: CheckedStore())
    let bytes = [UInt8](repeating: 1, count: 5)
    try bytes.withUnsafeBytes { buffer in
      try stream.write(buffer.bytes, at: 0)
      #expect(stream.sink.calls == [.bytes(buffer.baseAddress, buffer.count)])
    }
  }

  @Test("go to the sink from the request's own buffer where they fill a gap too")
  func notCopiedIntoGap() throws {
    var stream = OrderedStream(
      limits: .init(reorder: 5, rewind: 0, head: 0), sink: CallLog(), store: CheckedStore())
    let bytes = [UInt8](repeating: 1, count: 5)
    try bytes.withUnsafeBytes { buffer in
      try stream.write(buffer.bytes, at: 5)
      try stream.write(buffer.bytes, at: 0)
      #expect(stream.sink.calls.first == .bytes(buffer.baseAddress, buffer.count))
      #expect(stream.position == 10)
    }
  }

  @Test("zeroes are sent as such, however many, and counted")
  func zeroes() throws {
    var stream = OrderedStream(
      limits: .init(reorder: 0, rewind: 0, head: 0), sink: CallLog(), store: CheckedStore())
    try stream.zero(0..<1 << 62)
    #expect(stream.sink.calls == [.zeroes(1 << 62)])
    #expect(stream.position == 1 << 62)
    #expect(stream.zeroesSent == 1 << 62)
  }

  @Test("zeroes that the sink takes a part of are counted up to there")
  func partOfZeroes() throws {
    var stream = TextStream()
    stream.sink.fault = .interrupted(after: 2)
    #expect(throws: StreamError.interrupted) { try stream.zero(0..<4) }
    #expect(stream.position == 2)
    #expect(stream.zeroesSent == 2)
    #expect(stream.owedRanges == [2..<4])
  }

  @Test("written bytes that happen to be zero are data")
  func writtenZeroes() throws {
    var stream = TextStream()
    try stream.write("\0\0", at: 0)
    #expect(stream.sent == "..")
    #expect(stream.zeroesSent == 0)
  }
}
