import StreamCore
import Testing

@Suite("The end of the stream")
struct EndTests {
  @Test("sends all that is held, whatever the windows; gaps become zeroes")
  func everything() throws {
    var stream = TextStream(reorder: 8, rewind: 8, head: 2)
    try stream.write("bc", at: 1)
    try stream.zero(4..<6)
    try stream.write("g", at: 6)
    #expect(stream.sent == "")
    try stream.finish()
    #expect(stream.sent == ".bc...g")
    #expect(stream.stored == 0)
  }

  @Test("sends nothing where nothing was written")
  func nothing() throws {
    var stream = TextStream(reorder: 8, rewind: 8, head: 2)
    try stream.finish()
    #expect(stream.sent == "")
  }

  @Test("sends nothing more if a failed request was not repeated, wherever it was")
  func owed() throws {
    var stream = TextStream(reorder: 8)
    try stream.write("bc", at: 1)
    stream.sink.fault = .noReader
    #expect(throws: StreamError.interrupted) { try stream.write("x", at: 20) }
    stream.sink.fault = .none
    #expect(throws: StreamError.owed(20..<21)) { try stream.finish() }
    #expect(stream.sent == "")
    #expect(stream.failure == .owed(20..<21))
  }

  @Test("that is interrupted is a failure, with the position exact")
  func interrupted() throws {
    var stream = TextStream(rewind: 8)
    try stream.write("abcd", at: 0)
    stream.sink.fault = .interrupted(after: 2)
    #expect(throws: StreamError.interrupted) { try stream.finish() }
    #expect(stream.sent == "ab")
    #expect(stream.position == 2)
    #expect(stream.failure == .interrupted)
  }
}
