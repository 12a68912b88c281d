import Glibc
import StreamCore
import StreamIO
import SystemPackage
import TestSupport
import Testing

@Suite("Only a FIFO of one reader, or one writer, is known to be whole", .timeLimit(.minutes(10)))
struct FIFOWatchTests {
  private let directory: TemporaryDirectory
  private let path: String

  init() throws {
    ignoreBrokenPipes()
    directory = try TemporaryDirectory()
    path = try directory.fifo("fifo")
  }

  private func sink() throws -> DescriptorSink {
    var pipe = try NamedPipe(path: path, for: .write)
    return DescriptorSink(try pipe.open(), name: "pipe=fifo", patience: .ample)
  }

  private func source() throws -> DescriptorSource {
    var pipe = try NamedPipe(path: path, for: .read)
    return DescriptorSource(try pipe.open(), name: "read=fifo", patience: .ample)
  }

  private func open(_ mode: FileDescriptor.AccessMode) throws -> End {
    End(try FileDescriptor.open(FilePath(path), mode, options: [.nonBlocking, .closeOnExec]))
  }

  private func isDoubtful(_ outcome: DrainOutcome) -> Bool {
    if case .doubtful = outcome { true } else { false }
  }

  private func send(_ count: Int, _ sink: inout DescriptorSink) throws {
    var position: UInt64 = 0
    try sink.send(pattern(count).span.bytes, advancing: &position)
  }

  @Test("One reader has taken all", arguments: [1, 3])
  func oneReader(requests: Int) throws {
    var sink = try sink()
    defer { try? sink.close() }
    let reader = try open(.readOnly)
    for _ in 1...requests {
      try send(1000, &sink)
      _ = try reader.take()
    }
    #expect(sink.drain() == .taken)
  }

  @Test("A second one that goes on where the first has left has not")
  func oneAfterTheOther() throws {
    var sink = try sink()
    defer { try? sink.close() }
    let first = try open(.readOnly)
    try send(1000, &sink)
    _ = try first.take()
    // All of it while the client is idle: nobody looks meanwhile.
    let second = try open(.readOnly)
    first.close()
    try send(1000, &sink)
    _ = try second.take()
    #expect(isDoubtful(sink.drain()))
  }

  @Test("Nor one that came when the first had closed it, to the last byte")
  func afterAPause() throws {
    var sink = try sink()
    defer { try? sink.close() }
    let first = try open(.readOnly)
    try send(1000, &sink)
    _ = try first.take()
    first.close()
    let second = try open(.readOnly)
    #expect(isDoubtful(sink.drain()))
    withExtendedLifetime(second) {}
  }

  @Test("Nor two at a time, whenever the second came")
  func together() throws {
    var sink = try sink()
    defer { try? sink.close() }
    let first = try open(.readOnly)
    for _ in 1...3 {
      try send(1000, &sink)
      _ = try first.take()
    }
    let second = try open(.readOnly)
    try send(1000, &sink)
    _ = try second.take()
    #expect(isDoubtful(sink.drain()))
  }

  @Test("One that opened it and closed it before the first byte was none")
  func curious() throws {
    var sink = try sink()
    defer { try? sink.close() }
    for _ in 1...3 { try open(.readOnly).close() }
    let reader = try open(.readOnly)
    try send(1000, &sink)
    _ = try reader.take()
    #expect(sink.drain() == .taken)
  }

  @Test("One writer has given all")
  func oneWriter() throws {
    var source = try source()
    defer { source.close() }
    let writer = try open(.writeOnly)
    try writer.open.writeAll(pattern(1000))
    #expect(try source.take(1000) == pattern(1000))
    writer.close()
    #expect(source.awaitEnd() == .ended)
  }

  @Test("A second one, before the first had left or after, has not", arguments: [false, true])
  func twoWriters(atOnce: Bool) throws {
    var source = try source()
    defer { source.close() }
    let first = try open(.writeOnly)
    try first.open.writeAll(pattern(1000))
    if !atOnce { first.close() }
    let second = try open(.writeOnly)
    try second.open.writeAll(pattern(1000))
    first.close()
    second.close()
    #expect(try source.take(2000).count == 2000)
    let end = source.awaitEnd()
    #expect(end != .ended, "\(end)")
  }

  @Test("A second server is refused the FIFO, in both directions, as long as the first has it")
  func secondServer() throws {
    let busy = Failure(
      .resourceBusy, "another nbdkit uses this FIFO: give each one of its own")
    let sink = try sink()
    #expect(throws: busy) { try NamedPipe(path: path, for: .write) }
    #expect(throws: busy) { try NamedPipe(path: path, for: .read) }
    try sink.close()
    let source = try source()
    #expect(throws: busy) { try NamedPipe(path: path, for: .write) }
    #expect(throws: busy) { try NamedPipe(path: path, for: .read) }
    source.close()
    #expect(throws: Never.self) { try NamedPipe(path: path, for: .read) }
  }

  @Test("So is one that started at the same time")
  func sameTime() throws {
    var first = try NamedPipe(path: path, for: .write)
    var second = try NamedPipe(path: path, for: .write)
    let sink = DescriptorSink(try first.open(), name: "pipe=fifo", patience: .ample)
    #expect(
      throws: Failure(
        .resourceBusy, "another nbdkit uses this FIFO: give each one of its own")
    ) { try second.open() }
    try sink.close()
  }
}
