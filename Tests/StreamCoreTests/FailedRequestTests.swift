import StreamCore
import Testing

@Suite("A request answered with an error")
struct FailedRequestTests {
  @Test("leaves its range owed: never zeroes, by no overflow")
  func owed() throws {
    var stream = TextStream(reorder: 2)
    stream.sink.fault = .noReader
    #expect(throws: StreamError.interrupted) { try stream.write("bc", at: 1) }
    stream.sink.fault = .none
    #expect(stream.owedRanges == [1..<3])
    try stream.write("fg", at: 5)
    #expect(throws: StreamError.owed(1..<3)) { try stream.write("i", at: 8) }
    #expect(stream.owedRanges == [1..<3, 8..<9])
    #expect(stream.sent == "")
  }

  @Test("can be repeated, by data or by zeroes, and then the stream is as if it had not failed")
  func repeated() throws {
    var stream = TextStream(reorder: 8)
    stream.sink.fault = .noReader
    #expect(throws: StreamError.interrupted) { try stream.write("abcd", at: 0) }
    stream.sink.fault = .none
    try stream.zero(2..<4)
    try stream.write("ab", at: 0)
    try stream.finish()
    #expect(stream.sent == "ab..")
  }

  @Test("takes with it what was held in its range, and nothing else")
  func loses() throws {
    var stream = TextStream(reorder: 8)
    try stream.write("bcde", at: 1)
    stream.sink.fault = .noReader
    #expect(throws: StreamError.interrupted) { try stream.write("XX", at: 2) }
    stream.sink.fault = .none
    #expect(try stream.text(0..<5) == ".b..e")
    #expect(stream.extents(0..<5) == "hdhhd")
    try stream.write("a", at: 0)
    #expect(stream.sent == "ab")
  }

  @Test("owes only what was not sent of it", arguments: 0...4)
  func partlySent(count: Int) throws {
    var stream = TextStream()
    stream.sink.fault = .interrupted(after: count)
    #expect(throws: StreamError.interrupted) { try stream.write("abcd", at: 0) }
    stream.sink.fault = .none
    #expect(stream.position == UInt64(count))
    #expect(stream.sent == String("abcd".prefix(count)))
    #expect(stream.owedRanges == (count < 4 ? [UInt64(count)..<4] : []))
    if count < 4 { try stream.write(String("abcd".dropFirst(count)), at: UInt64(count)) }
    try stream.finish()
    #expect(stream.sent == "abcd")
  }

  @Test("is the answer to a held write too, as long as nobody reads")
  func noReader() throws {
    var stream = TextStream(reorder: 8, head: 4)
    stream.sink.fault = .noReader
    #expect(throws: StreamError.interrupted) { try stream.write("a", at: 0) }
    #expect(throws: StreamError.interrupted) { try stream.zero(6..<8) }
    #expect(stream.owedRanges == [0..<1, 6..<8])
    #expect(stream.stored == 0)
  }

  @Test("for want of room is owed and not stored; what was held stays")
  func noRoom() throws {
    var stream = TextStream(reorder: 8, room: 3)
    try stream.write("bc", at: 1)
    #expect(throws: StreamError.noRoom(CheckedStore.full)) { try stream.write("fg", at: 5) }
    #expect(stream.stored == 2)
    #expect(stream.owedRanges == [5..<7])
    try stream.write("a", at: 0)
    try stream.write("defg", at: 3)
    #expect(stream.sent == "abcdefg")
  }

  @Test("needs no room for what goes out at once")
  func roomForRest() throws {
    var stream = TextStream(rewind: 2, room: 2)
    try stream.write("abcdef", at: 0)
    #expect(stream.sent == "abcd")
    #expect(stream.stored == 2)
  }

  @Test("because the sink is broken fails the stream, at the exact position")
  func broken() throws {
    var stream = TextStream(reorder: 8)
    try stream.write("cd", at: 2)
    stream.sink.fault = .broken(after: 3)
    let broken = StreamError.broken(Failure(errno: 32, reason: "nobody reads"))
    #expect(throws: broken) { try stream.write("ab", at: 0) }
    stream.sink.fault = .none
    #expect(stream.sent == "abc")
    #expect(stream.position == 3)
    #expect(stream.failure == broken)
    #expect(throws: StreamError.failedBefore) { try stream.write("e", at: 4) }
  }
}
