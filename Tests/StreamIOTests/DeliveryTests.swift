import StreamCore
import StreamIO
import TestSupport
import Testing

/// Around a page, and around what a pipe holds before and after it was enlarged.
private let sizes: [Int] = [1, 511, 4096, 65_536, 1 << 20, 2 << 20]
  .flatMap { [$0 - 1, $0, $0 + 1] }

@Suite("The reader gets exactly what was sent", .timeLimit(.minutes(10)))
struct DeliveryTests {
  @Test("Bytes", arguments: sizes, Line.Kind.allCases)
  func bytes(size: Int, kind: Line.Kind) throws {
    let line = try Line(kind)
    var sink = try line.sink()
    let reader = try line.reader()
    let bytes = pattern(size)
    var position: UInt64 = 7
    try sink.send(bytes.span.bytes, advancing: &position)
    try line.close(sink)
    #expect(position == 7 + UInt64(size))
    expectSame(try reader.bytes(), bytes)
  }

  @Test("Zeroes", arguments: sizes, Line.Kind.allCases)
  func zeroes(size: Int, kind: Line.Kind) throws {
    let line = try Line(kind)
    var sink = try line.sink()
    let reader = try line.reader()
    var position: UInt64 = 7
    try sink.sendZeroes(UInt64(size), advancing: &position)
    try line.close(sink)
    #expect(position == 7 + UInt64(size))
    expectSame(try reader.bytes(), [UInt8](repeating: 0, count: size))
  }

  @Test("Bytes and zeroes in turn, none beginning at a page", arguments: Line.Kind.allCases)
  func mixture(kind: Line.Kind) throws {
    let line = try Line(kind)
    var sink = try line.sink()
    let reader = try line.reader()
    let bytes = pattern(70_001)
    var expected: [UInt8] = []
    var position: UInt64 = 0
    for size in [1, 4095, 4097, 12_289, 65_537, 70_000] {
      // Not from the start of the buffer either.
      try sink.send(bytes.span.extracting(1..<1 + size).bytes, advancing: &position)
      try sink.sendZeroes(UInt64(size), advancing: &position)
      expected += bytes[1..<1 + size] + [UInt8](repeating: 0, count: size)
    }
    try line.close(sink)
    #expect(position == UInt64(expected.count))
    expectSame(try reader.bytes(), expected)
  }

  @Test("Nothing, and then the end", arguments: Line.Kind.allCases)
  func nothing(kind: Line.Kind) throws {
    let line = try Line(kind)
    let sink = try line.sink()
    let reader = try line.reader()
    try line.close(sink)
    #expect(try reader.bytes().isEmpty)
  }
}
