import Glibc
import StreamCore
import StreamIO
import SystemPackage
import TestSupport
import Testing

@Suite("Over a network, the reader's close says whether it took all", .timeLimit(.minutes(10)))
struct NetworkDrainTests {
  private func sent(_ patience: Patience) throws -> (reading: End, sink: DescriptorSink) {
    let (reading, writing) = try connectionOverTCP()
    var sink = DescriptorSink(
      OpenEndpoint(try writing.open, .socket), name: "write-fd=7", patience: .ample)
    writing.release()
    var position: UInt64 = 0
    try sink.send(pattern(10_000).span.bytes, advancing: &position)
    sink.patience = patience
    return (reading, sink)
  }

  @Test("A reader that reads to the end and closes has taken all")
  func whole() throws {
    let (reading, sink) = try sent(.ample)
    let reader = Reader(try reading.open)
    reading.release()
    #expect(sink.drain() == .taken)
    try sink.close()
    expectSame(try reader.bytes(), pattern(10_000))
  }

  @Test("Of one that never reads and closes it is not known what it took")
  func killed() throws {
    let waiting = Waiting { waiting in
      usleep(1000)
      return true
    }
    let (reading, sink) = try sent(waiting.patience)
    reading.close()
    #expect(sink.drain() == .readerGone(unread: nil))
    try sink.close()
  }

  @Test("Of one that never reads and stays it is not known either, after the time given")
  func stopped() throws {
    let (reading, sink) = try sent(Waiting { _ in true }.patience)
    guard case .doubtful(let reason) = sink.drain(idleSeconds: 2) else {
      Issue.record("taken")
      return
    }
    #expect(reason.contains("within 2 seconds"))
    try sink.close()
    withExtendedLifetime(reading) {}
  }

  @Test("One that closed its side before says nothing by that")
  func halfClosed() throws {
    let (reading, sink) = try sent(.ample)
    shutdown(try reading.open.rawValue, Int32(SHUT_WR))
    usleep(10_000)
    guard case .doubtful(let reason) = sink.drain(idleSeconds: 2) else {
      Issue.record("taken")
      return
    }
    #expect(reason.contains("before the stream"))
    try sink.close()
  }
}
