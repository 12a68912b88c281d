import Glibc
import StreamCore
import StreamIO
import SystemPackage
import TestSupport
import Testing

@Suite("A FIFO without a writer is not at its end", .timeLimit(.minutes(10)))
struct WaitForWriterTests {
  private let directory: TemporaryDirectory
  private let path: String
  private let endpoint: OpenEndpoint

  init() throws {
    directory = try TemporaryDirectory()
    path = directory.path("in")
    var pipe = try NamedPipe(path: path, for: .read)
    endpoint = try pipe.open()
  }

  private func source(_ waiting: Waiting) -> DescriptorSource {
    DescriptorSource(endpoint, name: "read=in", patience: waiting.patience)
  }

  @Test("However late it comes, all of it arrives")
  func late() throws {
    let path = path
    let waiting = Waiting { waiting in
      if waiting.milliseconds == 60_000 { writeFIFO(pattern(1000), to: path) }
      return waiting.milliseconds <= 60_000
    }
    var source = source(waiting)
    defer { source.close() }
    expectSame(try source.take(2000), pattern(1000))
    #expect(waiting.lines == ["read=in: waiting for a writer to open it"])
  }

  @Test("What was written and left before anybody looked is there, and then the end")
  func early() throws {
    writeFIFO(pattern(1000), to: path)
    let waiting = Waiting { _ in false }
    var source = source(waiting)
    defer { source.close() }
    expectSame(try source.take(1000), pattern(1000))
    #expect(try source.take(1).isEmpty)
    #expect(waiting.questions == 0)
  }

  @Test("A writer that leaves without a byte is the end")
  func nothing() throws {
    writeFIFO([], to: path)
    var source = source(Waiting { _ in false })
    defer { source.close() }
    #expect(try source.take(1).isEmpty)
    var position: UInt64 = 0
    try source.drop(10, advancing: &position)
    #expect(position == 0)
  }

  @Test("One that is there and silent is not asked for")
  func silent() throws {
    let writing = End(try FileDescriptor.open(FilePath(path), .writeOnly))
    let waiting = Waiting { $0.questions < 60 }
    var source = source(waiting)
    defer { source.close() }
    var position: UInt64 = 0
    #expect(throws: TransferError.interrupted) { try source.drop(10, advancing: &position) }
    #expect(waiting.lines.isEmpty)
    withExtendedLifetime(writing) {}
  }

  @Test("Ended, the wait can begin again", arguments: [true, false])
  func interrupted(drops: Bool) throws {
    var source = source(Waiting { _ in false })
    defer { source.close() }
    var position: UInt64 = 0
    var taken: [UInt8] = []
    if drops {
      #expect(throws: TransferError.interrupted) { try source.drop(10, advancing: &position) }
    } else {
      #expect(source.take(10, appendingTo: &taken) == .interrupted)
    }
    writeFIFO(pattern(10), to: path)
    expectSame(try source.take(10), pattern(10))
  }
}

/// Opens a FIFO that has a reader, writes and leaves.
private func writeFIFO(_ bytes: [UInt8], to path: String) {
  do {
    let descriptor = try FileDescriptor.open(FilePath(path), .writeOnly, options: .closeOnExec)
    _ = try descriptor.closeAfter { try descriptor.writeAll(bytes) }
  } catch {
    Issue.record(error)
  }
}
