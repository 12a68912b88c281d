import Glibc
import StreamCore
import StreamIO
import Synchronization
import TestSupport
import Testing

@Suite("A reader that dies ends the stream", .timeLimit(.minutes(10)))
struct DeadReaderTests {
  @Test("The position counts all that was taken from the sink", arguments: Line.Kind.allCases)
  func position(kind: Line.Kind) throws {
    let line = try Line(kind)
    let dying = DyingReader(line.reading, taking: 10_001)
    var sink = try line.sink(dying.patience)
    let bytes = pattern(8 << 20)
    var position: UInt64 = 0
    let error = #expect(throws: TransferError.self) {
      try sink.send(bytes.span.bytes, advancing: &position)
    }
    expectReaderGone(error)
    #expect(position == 10_001 + UInt64(dying.unread))
  }

  @Test("So it does with zeroes", arguments: Line.Kind.allCases)
  func positionInZeroes(kind: Line.Kind) throws {
    let line = try Line(kind)
    let dying = DyingReader(line.reading, taking: 10_001)
    var sink = try line.sink(dying.patience)
    var position: UInt64 = 0
    let error = #expect(throws: TransferError.self) {
      try sink.sendZeroes(1 << 40, advancing: &position)
    }
    expectReaderGone(error)
    #expect(position == 10_001 + UInt64(dying.unread))
  }

  @Test("A reader that took all and died is no less dead", arguments: Line.Kind.allCases)
  func nothingUnread(kind: Line.Kind) throws {
    let line = try Line(kind)
    var sink = try line.sink()
    let bytes = pattern(100)
    var position: UInt64 = 0
    try sink.send(bytes.span.bytes, advancing: &position)
    _ = try line.reading.take()
    line.reading.close()
    for _ in 1...2 {
      let error = #expect(throws: TransferError.self) {
        try sink.send(bytes.span.bytes, advancing: &position)
      }
      expectReaderGone(error)
    }
    #expect(position == 100)
  }

  @Test("One across a network resets the connection")
  func reset() throws {
    ignoreBrokenPipes()
    let ends = try connectionOverTCP()
    var sink = DescriptorSink(
      OpenEndpoint(try ends.writing.open, .socket), name: "pipe=x", patience: .ample)
    var position: UInt64 = 0
    try sink.sendZeroes(1000, advancing: &position)
    // What it leaves unread makes its end a reset.
    while ends.reading.unread == 0 { usleep(1000) }
    ends.reading.close()
    #expect(
      throws: TransferError.broken(
        Failure(errno: ECONNRESET, reason: "pipe=x: the reader has gone"))
    ) {
      try sink.sendZeroes(1 << 40, advancing: &position)
    }
  }

  @Test("A full device says so")
  func fullDevice() throws {
    var sink = DescriptorSink(
      try CharacterDevice.open("/dev/full", for: .write), name: "pipe=x", patience: .ample)
    defer { try? sink.close() }
    var position: UInt64 = 0
    #expect(
      throws: TransferError.broken(
        Failure(errno: ENOSPC, reason: "pipe=x: No space left on device"))
    ) {
      try sink.sendZeroes(1, advancing: &position)
    }
    #expect(position == 0)
  }

  private func expectReaderGone(
    _ error: TransferError?, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(
      error == .broken(Failure(errno: EPIPE, reason: "pipe=x: the reader has gone")),
      sourceLocation: sourceLocation)
  }
}

/// A reader that takes so many bytes the first time the sink waits for it, and then dies.
private final class DyingReader: Sendable {
  private let reading: End
  private let count: Int
  private let left = Mutex(0)

  init(_ reading: End, taking count: Int) {
    self.reading = reading
    self.count = count
  }

  /// How many bytes it left.
  var unread: Int { left.withLock { $0 } }

  var patience: Patience {
    Waiting { [self] _ in
      if (try? reading.take(count)) != nil { left.withLock { $0 = reading.unread } }
      reading.close()
      return true
    }.patience
  }
}
