import StreamCore
import Testing

@Suite("A flush")
struct FlushTests {
  @Test("makes all gaps holes and sends everything")
  func settles() throws {
    var stream = TextStream(reorder: 8)
    try stream.write("bc", at: 1)
    try stream.zero(4..<5)
    try stream.write("g", at: 6)
    try stream.flush()
    #expect(stream.sent == ".bc...g")
    #expect(stream.zeroesSent == 4)
    #expect(stream.stored == 0)
  }

  @Test("is not what a forced unit access does, which settles nothing")
  func forceUnitAccess() throws {
    var stream = TextStream(reorder: 8)
    try stream.write("bc", at: 1)
    try stream.checkForFailure()
    #expect(stream.sent == "")
  }

  @Test("is refused and changes nothing while a failed request below high was not repeated")
  func owed() throws {
    var stream = TextStream(reorder: 8)
    stream.sink.fault = .noReader
    #expect(throws: StreamError.interrupted) { try stream.write("bc", at: 1) }
    stream.sink.fault = .none
    try stream.write("g", at: 6)
    #expect(throws: StreamError.owed(1..<3)) { try stream.flush() }
    #expect(stream.extents(0..<7) == "hhhhhhd")
    try stream.write("bc", at: 1)
    try stream.flush()
    #expect(stream.sent == ".bc...g")
  }

  @Test("has nothing to do with a failed request above all that was written")
  func owedAbove() throws {
    var stream = TextStream(reorder: 8)
    try stream.write("b", at: 1)
    stream.sink.fault = .noReader
    #expect(throws: StreamError.interrupted) { try stream.write("d", at: 3) }
    stream.sink.fault = .none
    try stream.flush()
    #expect(stream.sent == ".b")
  }

  @Test("that is interrupted is done by the next one")
  func interrupted() throws {
    var stream = TextStream(reorder: 8)
    try stream.write("cdef", at: 2)
    stream.sink.fault = .interrupted(after: 3)
    #expect(throws: StreamError.interrupted) { try stream.flush() }
    #expect(stream.sent == "..c")
    #expect(stream.position == 3)
    stream.sink.fault = .none
    try stream.flush()
    #expect(stream.sent == "..cdef")
  }

  @Test(
    "reports that what was sent is lost with its reader, and so does every request from then on")
  func lost() throws {
    var stream = TextStream(reorder: 8)
    try stream.write("abc", at: 0)
    stream.sink.fault = .lost
    #expect(throws: StreamError.broken(Failure(errno: 32, reason: "nobody reads"))) {
      try stream.flush()
    }
    stream.sink.fault = .none
    #expect(throws: StreamError.failedBefore) { try stream.write("d", at: 3) }
  }

  @Test("hands on what the sink still has, and reports that it can't")
  func handsOn() throws {
    var stream = TextStream(reorder: 8)
    try stream.write("abc", at: 0)
    try stream.flush()
    #expect(stream.sink.timesFlushed == 1)
    stream.sink.fault = .stuck
    #expect(throws: StreamError.broken(Failure(errno: 32, reason: "nobody reads"))) {
      try stream.flush()
    }
    stream.sink.fault = .none
    #expect(throws: StreamError.failedBefore) { try stream.write("d", at: 3) }
  }

  @Test("reports that what was accepted could not be sent, and so does every request from then on")
  func broken() throws {
    var stream = TextStream(reorder: 8)
    try stream.write("bc", at: 1)
    stream.sink.fault = .broken(after: 2)
    #expect(throws: StreamError.broken(Failure(errno: 32, reason: "nobody reads"))) {
      try stream.flush()
    }
    #expect(stream.sent == ".b")
    stream.sink.fault = .none
    #expect(throws: StreamError.failedBefore) { try stream.write("g", at: 6) }
    #expect(throws: StreamError.failedBefore) { try stream.checkForFailure() }
  }
}
