import Glibc
import StreamCore
import StreamIO
import Synchronization
import SystemPackage
import TestSupport
import Testing

@Suite("Nothing is sent before there is a reader", .timeLimit(.minutes(10)))
struct WaitForReaderTests {
  private let directory: TemporaryDirectory
  private let writing: End
  private let reader: LateReader

  init() throws {
    ignoreBrokenPipes()
    directory = try TemporaryDirectory()
    let path = directory.path("out")
    var pipe = try NamedPipe(path: path, for: .write)
    writing = End(try pipe.open().descriptor)
    reader = LateReader(path)
  }

  private func sink(_ waiting: Waiting) throws -> DescriptorSink {
    DescriptorSink(
      OpenEndpoint(try writing.open, .pipe), name: "pipe=out", patience: waiting.patience)
  }

  @Test("However late it comes, it gets everything")
  func lateReader() throws {
    let reader = reader
    let waiting = Waiting { waiting in
      if waiting.milliseconds >= 60_000 { reader.come() }
      return true
    }
    var sink = try sink(waiting)
    let bytes = pattern(1000)
    var position: UInt64 = 0
    try sink.send(bytes.span.bytes, advancing: &position)
    #expect(waiting.milliseconds == 60_000)
    #expect(position == 1000)
    expectSame(try reader.take(), bytes)
  }

  @Test("Zeroes wait for it too")
  func zeroes() throws {
    let reader = reader
    let waiting = Waiting { waiting in
      if waiting.milliseconds >= 500 { reader.come() }
      return true
    }
    var sink = try sink(waiting)
    var position: UInt64 = 0
    try sink.sendZeroes(1000, advancing: &position)
    #expect(waiting.milliseconds == 500)
    expectSame(try reader.take(), [UInt8](repeating: 0, count: 1000))
  }

  @Test("What is waited for is said after a few seconds, and once")
  func announcement() throws {
    var sink = try sink(
      Waiting { waiting in
        #expect(waiting.lines.isEmpty)
        return waiting.milliseconds < 2900
      })
    #expect(throws: TransferError.interrupted) { try sink.waitForReader() }

    let patient = Waiting { $0.milliseconds % 60_000 != 0 }
    sink.patience = patient.patience
    for _ in 1...2 {
      #expect(throws: TransferError.interrupted) { try sink.waitForReader() }
    }
    #expect(patient.milliseconds == 120_000)
    #expect(patient.lines == ["pipe=out: waiting for a reader to open it"])
  }

  @Test("Ended, the wait leaves the pipe empty and the position as it was")
  func interrupted() throws {
    var sink = try sink(Waiting { _ in false })
    let bytes = pattern(1000)
    var position: UInt64 = 5
    #expect(throws: TransferError.interrupted) {
      try sink.send(bytes.span.bytes, advancing: &position)
    }
    #expect(throws: TransferError.interrupted) { try sink.sendZeroes(1000, advancing: &position) }
    #expect(position == 5)
    reader.come()
    #expect(try reader.take().isEmpty)
  }

  @Test("Once there, it is not waited for again")
  func once() throws {
    reader.come()
    let waiting = Waiting { _ in true }
    var sink = try sink(waiting)
    try sink.waitForReader()
    reader.go()
    try sink.waitForReader()
    #expect(waiting.questions == 0)
    var position: UInt64 = 0
    #expect(
      throws: TransferError.broken(Failure(errno: EPIPE, reason: "pipe=out: the reader has gone"))
    ) {
      try sink.sendZeroes(1, advancing: &position)
    }
  }

  @Test("A socket that was connected and a device need not be waited for")
  func others() throws {
    let waiting = Waiting { _ in false }
    var socket = try Line(.socket).sink(waiting.patience)
    try socket.waitForReader()
    var device = DescriptorSink(
      try CharacterDevice.open("/dev/null", for: .write), name: "pipe=x", patience: waiting.patience
    )
    defer { try? device.close() }
    try device.waitForReader()
    #expect(waiting.questions == 0)
  }
}

/// Somebody who opens a FIFO when told.
private final class LateReader: Sendable {
  private let path: String
  private let reading = Mutex<End?>(nil)

  init(_ path: String) {
    self.path = path
  }

  func come() {
    let opened = try? FileDescriptor.open(
      FilePath(path), .readOnly, options: [.nonBlocking, .closeOnExec])
    reading.withLock { $0 = opened.map(End.init) }
  }

  func go() {
    reading.withLock { $0 = nil }
  }

  func take() throws -> [UInt8] {
    try reading.withLock { try $0?.take() ?? [] }
  }
}
