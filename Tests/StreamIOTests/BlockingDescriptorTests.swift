import Glibc
import StreamCore
import StreamIO
import SystemPackage
import TestSupport
import Testing

@Suite("A descriptor that has to stay blocking never blocks", .timeLimit(.minutes(10)))
struct BlockingDescriptorTests {
  @Test("A full pipe is a wait that can end", arguments: [0, 1, 100, 4095, 4096, 4097])
  func fullPipe(sentBefore: Int) throws {
    let line = try Line(.pipe)
    let watchdog = Watchdog { line.reading.close() }
    defer { watchdog.stop() }
    var sink = try line.blockingSink(.none)
    let bytes = pattern(4 << 20)
    var position: UInt64 = 0
    try sink.send(bytes.span.extracting(0..<sentBefore).bytes, advancing: &position)
    #expect(throws: TransferError.interrupted) {
      try sink.send(bytes.span.extracting(droppingFirst: sentBefore).bytes, advancing: &position)
    }
    #expect(position > 60_000)
    expectSame(try line.reading.take(), Array(bytes.prefix(Int(position))))
  }

  @Test("So it is for zeroes")
  func fullPipeOfZeroes() throws {
    let line = try Line(.pipe)
    let watchdog = Watchdog { line.reading.close() }
    defer { watchdog.stop() }
    var sink = try line.blockingSink(.none)
    var position: UInt64 = 0
    #expect(throws: TransferError.interrupted) {
      try sink.sendZeroes(4 << 20, advancing: &position)
    }
    #expect(line.reading.unread == Int(position))
  }

  @Test("All arrives", arguments: [1, 4095, 4096, 4097, 65_537, (2 << 20) + 1])
  func delivery(size: Int) throws {
    let line = try Line(.pipe)
    var sink = try line.blockingSink()
    let reader = try line.reader()
    let bytes = pattern(size)
    var position: UInt64 = 0
    try sink.send(bytes.span.bytes, advancing: &position)
    try sink.sendZeroes(UInt64(size), advancing: &position)
    try line.close(sink)
    #expect(position == UInt64(2 * size))
    expectSame(try reader.bytes(), bytes + [UInt8](repeating: 0, count: size))
  }

  @Test("Its flags stay as they are", arguments: Line.Kind.allCases)
  func flags(kind: Line.Kind) throws {
    let line = try Line(kind)
    let descriptor = try line.writing.open
    var sink = try kind == .pipe ? line.blockingSink() : line.sink()
    var position: UInt64 = 0
    try sink.sendZeroes(100, advancing: &position)
    #expect(fcntl(descriptor.rawValue, F_GETFL) & O_NONBLOCK == 0)
  }
}
