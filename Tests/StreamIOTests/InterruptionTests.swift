import StreamCore
import StreamIO
import SystemPackage
import TestSupport
import Testing

/// More than any pipe or socket here holds.
private let much = 8 << 20

@Suite("A wait that is ended leaves the position exact", .timeLimit(.minutes(10)))
struct InterruptionTests {
  @Test("Bytes: it counts what was taken, and the rest can follow", arguments: Line.Kind.allCases)
  func bytes(kind: Line.Kind) throws {
    let line = try Line(kind)
    var sink = try line.sink(.none)
    let bytes = pattern(much)
    var position: UInt64 = 0
    #expect(throws: TransferError.interrupted) {
      try sink.send(bytes.span.bytes, advancing: &position)
    }
    let first = try line.reading.take()
    #expect(position == UInt64(first.count))

    sink.patience = .ample
    let reader = try line.reader()
    try sink.send(bytes.span.extracting(droppingFirst: first.count).bytes, advancing: &position)
    try line.close(sink)
    #expect(position == UInt64(much))
    expectSame(first + (try reader.bytes()), bytes)
  }

  @Test("Zeroes: it counts what was taken, and the rest can follow", arguments: Line.Kind.allCases)
  func zeroes(kind: Line.Kind) throws {
    let line = try Line(kind)
    var sink = try line.sink(.none)
    var position: UInt64 = 0
    #expect(throws: TransferError.interrupted) {
      try sink.sendZeroes(UInt64(much), advancing: &position)
    }
    let first = try line.reading.take()
    #expect(position == UInt64(first.count))

    sink.patience = .ample
    let reader = try line.reader()
    try sink.sendZeroes(UInt64(much) - position, advancing: &position)
    try line.close(sink)
    #expect(position == UInt64(much))
    expectSame(first + (try reader.bytes()), [UInt8](repeating: 0, count: much))
  }

  @Test("It counts what a slow reader made room for", arguments: Line.Kind.allCases)
  func slowReader(kind: Line.Kind) throws {
    let line = try Line(kind)
    let reading = line.reading
    let waiting = Waiting { waiting in
      // Neither a multiple of a page nor of what a socket takes at once.
      waiting.questions <= 3 && (try? reading.take(12_345)) != nil
    }
    var sink = try line.sink(waiting.patience)
    let bytes = pattern(much)
    var position: UInt64 = 0
    #expect(throws: TransferError.interrupted) {
      try sink.send(bytes.span.bytes, advancing: &position)
    }
    let left = try reading.take()
    #expect(position == UInt64(3 * 12_345 + left.count))
    expectSame(left, Array(bytes[3 * 12_345..<3 * 12_345 + left.count]))
  }

  @Test("A sink that never waits is asked every 256 MiB")
  func endlessZeroes() throws {
    let waiting = Waiting { $0.questions < 3 }
    var sink = DescriptorSink(
      try CharacterDevice.open("/dev/null", for: .write), name: "pipe=x", patience: waiting.patience
    )
    defer { try? sink.close() }
    var position: UInt64 = 0
    #expect(throws: TransferError.interrupted) {
      try sink.sendZeroes(1 << 62, advancing: &position)
    }
    #expect(position == 3 * 256 << 20)
  }
}
