import StreamCore
import Testing

@Suite("The rewind window")
struct RewindTests {
  @Test("the newest bytes stay and can be changed, older ones go out")
  func newestStay() throws {
    var stream = TextStream(rewind: 3)
    try stream.write("abcde", at: 0)
    #expect(stream.sent == "ab")
    try stream.write("XY", at: 2)
    try stream.zero(4..<5)
    try stream.finish()
    #expect(stream.sent == "abXY.")
  }

  @Test("counts from the highest byte written, gaps or not")
  func fromHigh() throws {
    var stream = TextStream(reorder: 8, rewind: 3)
    try stream.write("abc", at: 0)
    try stream.zero(5..<9)
    #expect(stream.sent == "abc")
  }

  @Test("a flush does not shorten it")
  func flush() throws {
    var stream = TextStream(reorder: 8, rewind: 2)
    try stream.write("c", at: 2)
    try stream.flush()
    #expect(stream.sent == ".")
    try stream.write("B", at: 1)
    try stream.finish()
    #expect(stream.sent == ".Bc")
  }

  @Test("a filled hole in it can still be written, by data and by zeroes")
  func filledHole() throws {
    var stream = TextStream(rewind: 8)
    try stream.write("ef", at: 4)
    try stream.write("b", at: 1)
    try stream.zero(2..<3)
    try stream.finish()
    #expect(stream.sent == ".b..ef")
  }

  @Test("as large as the disk takes any order, any number of times")
  func anyOrder() throws {
    var stream = TextStream(rewind: 4)
    for text in ["zzzz", "abcd"] {
      for (offset, letter) in text.enumerated().shuffled() {
        try stream.write(String(letter), at: UInt64(offset))
      }
    }
    #expect(stream.sent == "")
    try stream.finish()
    #expect(stream.sent == "abcd")
  }
}
