import Glibc
import StreamCore
import StreamIO
import SystemPackage
import TestSupport
import Testing

@Suite(
  "After the last byte of the disk, the source is checked for its end", .timeLimit(.minutes(10)))
struct SourceEndTests {
  @Test("It ends there, at once or later", arguments: Line.Kind.allCases)
  func ended(kind: Line.Kind) throws {
    let line = try Line(kind)
    let waiting = Waiting { waiting in
      if waiting.milliseconds == 5000 { line.writing.close() }
      return true
    }
    let source = try line.source(waiting.patience)
    #expect(source.awaitEnd() == .ended)
    #expect(waiting.milliseconds == 5000)
    #expect(source.awaitEnd() == .ended)
  }

  @Test("It goes on: what is in a pipe is counted, in a socket it is one byte or more")
  func more() throws {
    for (kind, count) in [(Line.Kind.pipe, 3 as UInt64), (.socket, 1)] {
      let line = try Line(kind)
      _ = try line.writing.open.writeAll([1, 2, 3])
      #expect(try line.source(.none).awaitEnd() == .more(count))
    }
  }

  @Test("It is silent for too long", arguments: Line.Kind.allCases)
  func silent(kind: Line.Kind) throws {
    let waiting = Waiting { _ in true }
    let line = try Line(kind)
    #expect(try line.source(waiting.patience).awaitEnd(seconds: 10) == .silent(seconds: 10))
    #expect(10_000...10_100 ~= waiting.milliseconds)
  }

  @Test("The wait is ended from outside")
  func interrupted() throws {
    let line = try Line(.pipe)
    #expect(try line.source(.none).awaitEnd() == .interrupted)
  }

  @Test("It fails there")
  func failed() throws {
    let ends = try connectionOverTCP()
    let source = DescriptorSource(
      OpenEndpoint(try ends.reading.open, .socket), name: "read=x", patience: .ample)
    var atOnce = linger(l_onoff: 1, l_linger: 0)
    setsockopt(
      try ends.writing.open.rawValue, SOL_SOCKET, SO_LINGER, &atOnce,
      socklen_t(MemoryLayout<linger>.size))
    ends.writing.close()
    #expect(source.awaitEnd() == .failed(.connectionReset))
  }
}
