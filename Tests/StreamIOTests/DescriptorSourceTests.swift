import CRefusal
import Glibc
import StreamCore
import StreamIO
import SystemPackage
import TestSupport
import Testing

@Suite("A stream is taken from a descriptor", .timeLimit(.minutes(10)))
struct DescriptorSourceTests {
  @Test("Every byte arrives, in pieces of any size", arguments: Line.Kind.allCases)
  func delivery(kind: Line.Kind) throws {
    let line = try Line(kind)
    let bytes = pattern((3 << 20) + 17)
    try startWriting(bytes, to: line.writing)
    var source = try line.source()
    var taken: [UInt8] = []
    for size in [1, 4095, 4096, 65_537, 1 << 20] { taken += try source.take(size) }
    taken += try source.take(4 << 20)
    expectSame(taken, bytes)
    #expect(try source.take(1).isEmpty, "the end stays the end")
  }

  @Test("As many bytes as the largest request has are taken at once")
  func largest() throws {
    let line = try Line(.pipe)
    let bytes = pattern(64 << 20)
    try startWriting(bytes, to: line.writing)
    var source = try line.source()
    expectSame(try source.take(64 << 20), bytes)
  }

  @Test("What is not wanted is dropped, to the byte", arguments: Line.Kind.allCases)
  func dropping(kind: Line.Kind) throws {
    let line = try Line(kind)
    let bytes = pattern(6 << 20)
    try startWriting(bytes, to: line.writing)
    var source = try line.source()
    var position: UInt64 = 0
    try source.drop(1, advancing: &position)
    try source.drop((4 << 20) + 3, advancing: &position)
    #expect(position == (4 << 20) + 4)
    expectSame(try source.take(1000), Array(bytes[((4 << 20) + 4)...].prefix(1000)))
    try source.drop(1 << 40, advancing: &position)
    #expect(position == UInt64(bytes.count - 1000), "there was no more")
  }

  /// In a process of its own, which stays without the system call.
  @Test("Where nothing can be spliced, it is read and dropped")
  func withoutSplice() async {
    await #expect(processExitsWith: .success) {
      try #require(refuse_splice(EPERM) == 0)
      let line = try Line(.pipe)
      let bytes = pattern(3 << 20)
      try startWriting(bytes, to: line.writing)
      var source = try line.source()
      var position: UInt64 = 0
      try source.drop(2_000_001, advancing: &position)
      #expect(position == 2_000_001)
      expectSame(try source.take(1 << 20), Array(bytes[2_000_001...].prefix(1 << 20)))
    }
  }

  @Test("Nothing there is a wait that can end, and takes nothing", arguments: Line.Kind.allCases)
  func interrupted(kind: Line.Kind) throws {
    let line = try Line(kind)
    var source = try line.source(.none)
    let writing = try line.writing.open
    _ = try writing.writeAll(pattern(10))
    var taken: [UInt8] = []
    #expect(source.take(20, appendingTo: &taken) == .interrupted)
    expectSame(taken, pattern(10))
    _ = try writing.writeAll(pattern(10))
    var position: UInt64 = 10
    #expect(throws: TransferError.interrupted) { try source.drop(20, advancing: &position) }
    #expect(position == 20)
  }

  @Test("A descriptor that has to stay blocking never blocks")
  func blocking() throws {
    let line = try Line(.pipe)
    let watchdog = Watchdog { line.writing.close() }
    defer { watchdog.stop() }
    var source = try line.source(.none, staysBlocking: true)
    let flags = fcntl(try line.reading.open.rawValue, F_GETFL)
    #expect(flags & O_NONBLOCK == 0)
    var taken: [UInt8] = []
    #expect(source.take(1, appendingTo: &taken) == .interrupted)
    var position: UInt64 = 0
    #expect(throws: TransferError.interrupted) { try source.drop(1, advancing: &position) }
    #expect(source.awaitEnd() == .interrupted)

    source.patience = .ample
    try startWriting(pattern(300_000), to: line.writing)
    expectSame(try source.take(300_000), pattern(300_000))
    #expect(try source.take(1).isEmpty)
    #expect(fcntl(try line.reading.open.rawValue, F_GETFL) == flags)
  }

  @Test("An endless device is asked about")
  func endless() throws {
    let waiting = Waiting { $0.questions < 3 }
    var source = DescriptorSource(
      try CharacterDevice.open("/dev/zero", for: .read), name: "read=x",
      patience: waiting.patience)
    defer { source.close() }
    #expect(try source.take(3) == [0, 0, 0])
    var position: UInt64 = 3
    #expect(throws: TransferError.interrupted) { try source.drop(1 << 60, advancing: &position) }
    #expect(waiting.questions == 3)
  }

  @Test("A device of no bytes has ended")
  func emptyDevice() throws {
    var source = DescriptorSource(
      try CharacterDevice.open("/dev/null", for: .read), name: "read=x", patience: .none)
    defer { source.close() }
    #expect(try source.take(3).isEmpty)
  }

  @Test("A connection that was reset is a failure and no end")
  func reset() throws {
    let ends = try connectionOverTCP()
    var source = DescriptorSource(
      OpenEndpoint(try ends.reading.open, .socket), name: "read=x", patience: .ample)
    var atOnce = linger(l_onoff: 1, l_linger: 0)
    setsockopt(
      try ends.writing.open.rawValue, SOL_SOCKET, SO_LINGER, &atOnce,
      socklen_t(MemoryLayout<linger>.size))
    ends.writing.close()
    var taken: [UInt8] = []
    #expect(
      source.take(1, appendingTo: &taken)
        == .broken(Failure(errno: ECONNRESET, reason: "read=x: Connection reset by peer")))
  }

  @Test("Closed, its writer is told", arguments: Line.Kind.allCases)
  func closing(kind: Line.Kind) throws {
    let line = try Line(kind)
    let source = try line.source()
    line.reading.release()
    source.close()
    #expect(throws: Errno.brokenPipe) { try line.writing.open.writeAll([1]) }
  }
}
