import Testing

@testable import StreamCore

@Suite("The number of missing bytes")
struct CoverageTests {
  @Test("is the whole disk where nothing was written")
  func nothing() {
    let stream = TextStream()
    #expect(stream.missing(8) == [0..<8])
    #expect(stream.missing(0) == [])
    #expect(!stream.hasChanges)
  }

  @Test("is none once each byte was written or zeroed, sent or held, in whatever order")
  func whole() throws {
    var stream = TextStream(reorder: 8, rewind: 2)
    try stream.zero(4..<8)
    try stream.write("ab", at: 0)
    #expect(stream.missing(8) == [2..<4])
    try stream.write("cd", at: 2)
    #expect(stream.missing(8) == [])
    try stream.finish()
    #expect(stream.missing(8) == [])
  }

  @Test("counts a byte once that was written twice")
  func twice() throws {
    var stream = TextStream(rewind: 8)
    try stream.write("abcd", at: 0)
    try stream.zero(2..<6)
    try stream.write("ef", at: 4)
    #expect(stream.missingBytes(of: 8) == 2)
  }

  @Test("has the last bytes of the disk, though the first were written")
  func short() throws {
    var stream = TextStream()
    try stream.write("abc", at: 0)
    try stream.finish()
    #expect(stream.missing(8) == [3..<8])
  }

  @Test("has the gap that the reorder window filled, that a flush filled, that the end filled")
  func gaps() throws {
    var stream = TextStream(reorder: 1)
    try stream.write("bc", at: 1)
    #expect(stream.missing(3) == [0..<1])
    try stream.write("f", at: 5)
    try stream.flush()
    #expect(stream.missingBytes(of: 6) == 3)
    try stream.write("i", at: 8)
    try stream.finish()
    #expect(stream.sent == ".bc..f..i")
    #expect(stream.missingBytes(of: 9) == 5)
    #expect(stream.firstMissing(of: 9) == 0..<1)
  }

  @Test("has a filled gap until a zero comes for it, held or sent")
  func lateZero() throws {
    var stream = TextStream(rewind: 4)
    try stream.write("h", at: 7)
    try stream.flush()
    #expect(stream.sent == "....")
    #expect(stream.missing(8) == [0..<7])
    try stream.zero(1..<6)
    #expect(stream.missingBytes(of: 8) == 2)
    #expect(stream.firstMissing(of: 8) == 0..<1)
    try stream.zero(0..<7)
    #expect(stream.missing(8) == [])
  }

  @Test("has what a request that failed had replaced, until it is repeated")
  func failed() throws {
    var stream = TextStream(reorder: 8)
    try stream.write("bcd", at: 1)
    stream.sink.fault = .noReader
    #expect(throws: StreamError.interrupted) { try stream.zero(2..<6) }
    stream.sink.fault = .none
    #expect(stream.missingBytes(of: 6) == 5)
    try stream.zero(2..<6)
    try stream.write("a", at: 0)
    #expect(stream.missing(6) == [])
  }

  @Test("has for good what a request had sent before it failed: nobody was told that it is there")
  func partlySent() throws {
    var stream = TextStream()
    try stream.write("a", at: 0)
    stream.sink.fault = .interrupted(after: 2)
    #expect(throws: StreamError.interrupted) { try stream.write("bcde", at: 1) }
    stream.sink.fault = .none
    #expect(stream.missing(5) == [1..<5])
    try stream.write("de", at: 3)
    #expect(stream.sent == "abcde")
    #expect(stream.missing(5) == [1..<3])
  }

  @Test("has what a zero covered of a hole only if all of the zero was accepted")
  func lateZeroThatFails() throws {
    var stream = TextStream(rewind: 2)
    try stream.write("ef", at: 4)
    stream.sink.fault = .noReader
    #expect(throws: StreamError.interrupted) { try stream.zero(1..<8) }
    #expect(stream.missing(8) == [0..<8])
    stream.sink.fault = .none
    try stream.zero(1..<8)
    #expect(stream.missing(8) == [0..<1])
  }

  @Test("has the padding")
  func padding() throws {
    var stream = TextStream()
    try stream.write("ab", at: 0)
    try stream.finish()
    stream.sink.fault = .interrupted(after: 3)
    #expect(throws: StreamError.interrupted) { try stream.pad(to: 8) }
    #expect(stream.sent == "ab...")
    #expect(stream.missing(8) == [2..<8])
    stream.sink.fault = .none
    try stream.pad(to: 8)
    #expect(stream.sent == "ab......")
    #expect(stream.missing(8) == [2..<8])
  }

  @Test("is exact, and so is the first of them, when there are more holes than are remembered")
  func manyHoles() throws {
    var stream = TextStream(remembering: 2)
    for hole in 0..<UInt64(5) { try stream.write("x", at: 3 * hole + 2) }
    #expect(stream.missingBytes(of: 15) == 10)
    #expect(stream.firstMissing(of: 15) == 0..<2)
    try stream.zero(9..<11)
    #expect(stream.missingBytes(of: 15) == 8)
    #expect(throws: StreamError.late(6..<8, position: 15)) { try stream.zero(6..<8) }
    #expect(stream.missingBytes(of: 15) == 8)
    #expect(stream.firstMissing(of: 15) == 0..<2)
  }

  @Test(
    "is exact where a request fails after holes behind it were sent and forgotten",
    arguments: [[Step.write(4..<5)], [.write(1..<2), .write(4..<5)]])
  func failedBeforeHoles(writes: [Step]) {
    expectAgreement(
      Setup(disk: 6, reorder: 8, remembered: 0),
      writes + [.flush(.interrupted(after: 0)), .write(0..<1, .interrupted(after: 3))])
  }

  @Test("is known for a disk of any size at once")
  func large() throws {
    var stream = OrderedStream(
      limits: .init(reorder: 0, rewind: 0, head: 0), sink: CallLog(), store: CheckedStore())
    let size = UInt64.max >> 1
    try stream.zero(0..<size / 2)
    #expect(stream.missingBytes(of: size) == size - size / 2)
    #expect(stream.firstMissing(of: size) == size / 2..<size)
  }
}

@Suite("Whether the client has settled")
struct SettledTests {
  @Test("is no before the first flush, yes after it, and no again after a write or a zero")
  func flushed() throws {
    var stream = TextStream(rewind: 8)
    try stream.write("ab", at: 0)
    #expect(stream.hasChanges && !stream.isFlushed)
    try stream.flush()
    #expect(stream.isFlushed)
    try stream.checkForFailure()
    #expect(stream.isFlushed)
    try stream.zero(1..<2)
    #expect(!stream.isFlushed)
    try stream.flush()
    #expect(stream.isFlushed)
  }

  @Test("is no where a flush failed")
  func failed() throws {
    var stream = TextStream(reorder: 8)
    try stream.write("b", at: 1)
    stream.sink.fault = .interrupted(after: 1)
    #expect(throws: StreamError.interrupted) { try stream.flush() }
    #expect(!stream.isFlushed)
  }

  @Test("is no after a zero that came late for a hole: it says something new")
  func lateZero() throws {
    var stream = TextStream()
    try stream.write("b", at: 1)
    try stream.flush()
    try stream.zero(0..<1)
    #expect(!stream.isFlushed)
  }

  @Test("is not changed by a request that was refused")
  func refused() throws {
    var stream = TextStream(head: 4)
    stream.sink.fault = .noReader
    #expect(throws: StreamError.interrupted) { try stream.write("a", at: 0) }
    #expect(!stream.hasChanges)
    try stream.flush()
    #expect(stream.isFlushed)
  }
}

@Suite("The seal of a stream")
struct SealTests {
  @Test("asks the sink to finish once, after everything, and the end of the stream does not")
  func once() throws {
    var stream = TextStream()
    try stream.write("ab", at: 0)
    try stream.finish()
    #expect(stream.sink.timesFinished == 0)
    try stream.seal()
    try stream.seal()
    #expect(stream.sink.timesFinished == 1)
  }

  @Test("is not put on a stream that has failed")
  func failed() throws {
    var stream = TextStream()
    try stream.write("ab", at: 0)
    #expect(throws: StreamError.self) { try stream.write("a", at: 0) }
    #expect(throws: StreamError.late(0..<1, position: 2)) { try stream.seal() }
    #expect(stream.sink.timesFinished == 0)
  }

  @Test("that was interrupted is put on by the next try")
  func interrupted() throws {
    var stream = TextStream()
    try stream.write("ab", at: 0)
    stream.sink.fault = .interrupted(after: 0)
    #expect(throws: StreamError.interrupted) { try stream.seal() }
    #expect(stream.failure == nil)
    #expect(!stream.isSealed)
    stream.sink.fault = .none
    try stream.seal()
    #expect(stream.isSealed)
    #expect(stream.sink.timesFinished == 2)
  }

  @Test("that the sink can't take fails the stream, and is not tried again")
  func refused() throws {
    var stream = TextStream()
    try stream.write("ab", at: 0)
    stream.sink.fault = .broken(after: 0)
    #expect(throws: StreamError.broken(Failure(errno: 32, reason: "nobody reads"))) {
      try stream.seal()
    }
    #expect(stream.failure == StreamError.broken(Failure(errno: 32, reason: "nobody reads")))
    stream.sink.fault = .none
    #expect(throws: StreamError.broken(Failure(errno: 32, reason: "nobody reads"))) {
      try stream.seal()
    }
    #expect(stream.sink.timesFinished == 1)
  }
}

extension OrderedStream<RecordingSink, CheckedStore> {
  /// What is missing of a disk of `size` bytes, where it is one range at most.
  fileprivate func missing(
    _ size: UInt64, sourceLocation: SourceLocation = #_sourceLocation
  ) -> [Range<UInt64>] {
    let first = firstMissing(of: size)
    #expect(
      missingBytes(of: size) == first.map { $0.upperBound - $0.lowerBound } ?? 0,
      sourceLocation: sourceLocation)
    return first.map { [$0] } ?? []
  }
}
