import StreamCore
import Testing

@Suite("The first bytes of the disk")
struct HeadTests {
  @Test("wait, and may be written again, as long as nothing above them was")
  func wait() throws {
    var stream = TextStream(head: 4)
    try stream.write("zz", at: 0)
    try stream.zero(0..<4)
    try stream.flush()
    try stream.write("abcd", at: 0)
    #expect(stream.sent == "")
    try stream.write("e", at: 4)
    #expect(stream.sent == "abcde")
  }

  @Test("wait whatever the windows are, and no gap in them is filled")
  func noGapFilled() throws {
    var stream = TextStream(head: 4)
    try stream.write("cd", at: 2)
    try stream.flush()
    #expect(stream.extents(0..<4) == "hhdd")
    try stream.write("ab", at: 0)
    try stream.finish()
    #expect(stream.sent == "abcd")
  }

  @Test("cost nothing beyond: a request across their end is not stored")
  func across() throws {
    var stream = TextStream(head: 4)
    try stream.write("abcdef", at: 0)
    #expect(stream.sent == "abcdef")
    #expect(stream.stored == 0)
  }

  @Test("go out at the end, where nothing was written above them")
  func end() throws {
    var stream = TextStream(head: 4)
    try stream.write("bcd", at: 1)
    try stream.finish()
    #expect(stream.sent == ".bcd")
  }

  @Test("do not wait again once a byte of them is out")
  func onlyOnce() throws {
    var stream = TextStream(head: 4)
    stream.sink.fault = .interrupted(after: 1)
    #expect(throws: StreamError.interrupted) { try stream.write("abcdef", at: 0) }
    stream.sink.fault = .none
    try stream.write("bc", at: 1)
    #expect(stream.sent == "abc")
  }
}
