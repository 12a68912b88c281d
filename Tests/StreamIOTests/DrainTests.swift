import Dispatch
import Glibc
import StreamCore
import StreamIO
import TestSupport
import Testing

@Suite("The end waits for the reader", .timeLimit(.minutes(10)))
struct DrainTests {
  /// Sends to a line that nobody has read from yet.
  private func sent(_ bytes: [UInt8], _ kind: Line.Kind, _ patience: Patience) throws -> (
    line: Line, sink: DescriptorSink
  ) {
    let line = try Line(kind)
    var sink = try line.sink(.ample)
    var position: UInt64 = 0
    try sink.send(bytes.span.bytes, advancing: &position)
    sink.patience = patience
    return (line, sink)
  }

  @Test("Nothing sent is nothing to wait for", arguments: Line.Kind.allCases)
  func nothing(kind: Line.Kind) throws {
    let line = try Line(kind)
    #expect(try line.sink(.none).drain() == .taken)
    line.reading.close()
    #expect(try line.sink(.none).drain() == .taken)
  }

  @Test("A slow reader is waited for as long as it takes anything", arguments: Line.Kind.allCases)
  func slowReader(kind: Line.Kind) throws {
    let line = try Line(kind)
    let reading = line.reading
    let waiting = Waiting { waiting in
      waiting.milliseconds % 900 != 0 || (try? reading.take(1000)) != nil
    }
    var sink = try line.sink(waiting.patience)
    var position: UInt64 = 0
    // In pieces, as a socket counts what was sent at once as unread until all of it was read.
    for _ in 1...5 { try sink.send(pattern(1000).span.bytes, advancing: &position) }
    #expect(sink.drain(idleSeconds: 1) == .taken)
    #expect(waiting.milliseconds == 4500)
  }

  @Test("A reader that dies leaves an exact number in a pipe")
  func deadReader() throws {
    let (line, sink) = try sent(pattern(70_001), .pipe, .none)
    _ = try line.reading.take(1234)
    line.reading.close()
    #expect(sink.drain() == .readerGone(unread: 70_001 - 1234))
  }

  @Test("A reader that dies in the middle of the wait does so too")
  func dyingReader() throws {
    let (line, sink) = try sent(pattern(70_001), .pipe, .none)
    let reading = line.reading
    var patient = sink
    patient.patience =
      Waiting { waiting in
        if waiting.questions == 5 { reading.close() }
        return true
      }.patience
    #expect(patient.drain() == .readerGone(unread: 70_001))
  }

  @Test("A reader that dies leaves an unknown number in a socket", arguments: [0, 1234])
  func deadReaderOfSocket(taken: Int) throws {
    let (line, sink) = try sent(pattern(70_001), .socket, .none)
    _ = try line.reading.take(taken)
    line.reading.close()
    #expect(sink.drain() == .readerGone(unread: nil))
  }

  @Test("A reader that has all may go", arguments: Line.Kind.allCases)
  func satisfiedReader(kind: Line.Kind) throws {
    let (line, sink) = try sent(pattern(70_001), kind, .none)
    _ = try line.reading.take()
    line.reading.close()
    #expect(sink.drain() == .taken)
  }

  @Test("A reader that goes the moment it has all has taken all", arguments: Line.Kind.allCases)
  func hastyReader(kind: Line.Kind) throws {
    let queue = DispatchQueue(label: "reader")
    for _ in 1...3000 {
      let (line, sink) = try sent([1], kind, Waiting { _ in sched_yield() == 0 }.patience)
      let reading = line.reading
      queue.async {
        while (try? reading.take()) == [] {}
        reading.close()
      }
      let outcome = sink.drain(idleSeconds: 1_000_000)
      try #require(outcome == .taken)
    }
  }

  @Test("A reader that takes nothing is given up after the time given")
  func stoppedReader() throws {
    let waiting = Waiting { _ in true }
    let (line, sink) = try sent(pattern(70_001), .pipe, waiting.patience)
    #expect(sink.drain(idleSeconds: 2) == .readerStopped(unread: 70_001, seconds: 2))
    #expect(waiting.milliseconds == 2000)
    #expect(try line.reading.take().count == 70_001, "what it was sent is still there")
  }

  @Test("What is left in a socket is not known: what counts is memory")
  func socket() throws {
    let (line, sink) = try sent(pattern(70_001), .socket, Waiting { _ in true }.patience)
    #expect(sink.drain(idleSeconds: 2) == .readerStopped(unread: nil, seconds: 2))
    var impatient = sink
    impatient.patience = .none
    #expect(impatient.drain() == .interrupted(unread: nil))
    #expect(try line.reading.take().count == 70_001, "what it was sent is still there")
  }

  @Test("Ended from outside, the wait tells what is left")
  func interrupted() throws {
    let (line, sink) = try sent(pattern(70_001), .pipe, .none)
    #expect(sink.drain() == .interrupted(unread: 70_001))
    #expect(try line.reading.take().count == 70_001)
  }

  @Test("A device is not waited for")
  func device() throws {
    var sink = DescriptorSink(
      try CharacterDevice.open("/dev/null", for: .write), name: "pipe=x", patience: .none)
    defer { try? sink.close() }
    var position: UInt64 = 0
    try sink.sendZeroes(1 << 20, advancing: &position)
    #expect(sink.drain() == .taken)
  }
}
