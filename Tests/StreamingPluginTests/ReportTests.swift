import NBDKitTestKit
import StreamIO
import SystemPackage
import Testing

@testable import StreamingPlugin

@Suite("The outcome of a stream", .exclusiveServer)
struct ReportTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    var size: UInt64?
    var position: UInt64 = 0
    var drained = DrainOutcome.taken
    var clients = 0
    var failures: [String] = []

    let outcome: Report.Outcome
    var bytes: UInt64?
    var error: String?
  }

  @Test(arguments: [
    Case(
      testDescription: "All of the disk was delivered",
      size: 10, position: 10, outcome: .complete),
    Case(
      testDescription: "Who is still there can't change a disk that was delivered whole",
      size: 10, position: 10, clients: 1, outcome: .complete),
    Case(
      testDescription: "Less than the disk was written",
      size: 10, position: 9, outcome: .short,
      error: "the stream is short: 9 of 10 bytes were written"),
    Case(
      testDescription: "Nothing was written",
      size: 10, position: 0, outcome: .short,
      error: "the stream is short: 0 of 10 bytes were written"),
    Case(
      testDescription: "A client that is still there might have written more",
      size: 10, position: 9, clients: 1, outcome: .failed,
      error: "stopped with a client still connected"),
    Case(
      testDescription: "Of a disk of no known size too",
      position: 9, clients: 2, outcome: .failed,
      error: "stopped with a client still connected"),
    Case(
      testDescription: "Without a size nobody knows whether it is all",
      position: 9, outcome: .unknown),
    Case(
      testDescription: "A failure counts, however much was delivered",
      size: 10, position: 10, failures: ["bad"], outcome: .failed, error: "bad"),
    Case(
      testDescription: "The first failure counts",
      size: 10, position: 9, clients: 1, failures: ["bad", "worse"], outcome: .failed,
      error: "bad"),
    Case(
      testDescription: "A reader that died left bytes",
      size: 10, position: 10, drained: .readerGone(unread: 3), outcome: .failed, bytes: 7,
      error: "the reader has gone with 3 bytes left unread"),
    Case(
      testDescription: "On a socket nobody knows how many",
      size: 10, position: 10, drained: .readerGone(unread: nil), outcome: .failed,
      error: "the reader has gone with some bytes left unread"),
    Case(
      testDescription: "A signal ended the wait",
      size: 10, position: 10, drained: .interrupted(unread: 3), outcome: .failed, bytes: 7,
      error: "ended by a signal with 3 bytes left unread"),
    Case(
      testDescription: "A reader that stopped may still take the rest",
      size: 10, position: 10, drained: .readerStopped(unread: 3, seconds: 10), outcome: .unknown,
      bytes: 7, error: "the reader took nothing for 10 seconds, 3 bytes are left for it"),
    Case(
      testDescription: "But not what was never written",
      size: 12, position: 10, drained: .readerStopped(unread: 3, seconds: 10), outcome: .short,
      bytes: 7,
      error: "the reader took nothing for 10 seconds, 3 bytes are left for it; "
        + "the stream is short: 10 of 12 bytes were written"),
    Case(
      testDescription: "So on a socket",
      position: 10, drained: .readerStopped(unread: nil, seconds: 10), outcome: .unknown,
      error: "the reader took nothing for 10 seconds, some bytes are left for it"),
    Case(
      testDescription: "Bytes of others in an inherited pipe are not subtracted twice",
      position: 2, drained: .readerGone(unread: 3), outcome: .failed, bytes: 0,
      error: "the reader has gone with 3 bytes left unread"),
  ])
  func outcome(_ subject: Case) {
    var report = Report(.write, size: subject.size)
    for failure in subject.failures { report.fail(failure) }
    report.apply(subject.drained)
    report.count(subject.position, zeroes: 1)
    report.conclude(clientsThere: subject.clients)
    #expect(report.outcome == subject.outcome)
    #expect(report.bytes == subject.bytes ?? subject.position)
    #expect(report.error == subject.error)
    #expect(report.zeroBytes == min(1, report.bytes))
    #expect(report.size == subject.size)
  }

  @Test(
    "Of a stream that is read, all of the disk is taken, and its source ends there",
    arguments: [
      (.ended, .complete, nil),
      (.more(3), .failed, "the source has more than size=, at least 3 bytes"),
      (
        .failed(.ioError), .failed,
        "the source failed where it should have ended: Input/output error"
      ),
      (
        .silent(seconds: 10), .unknown,
        "the source neither ended nor went on for 10 seconds where size= ends"
      ),
      (.interrupted, .unknown, "ended by a signal while waiting for the source to end"),
    ] as [(SourceEnd, Report.Outcome, String?)])
  func source(end: SourceEnd, outcome: Report.Outcome, error: String?) {
    var report = Report(.read, size: 10)
    report.count(10, zeroes: 0)
    report.apply(end)
    report.conclude(clientsThere: 1)
    #expect(report.outcome == outcome)
    #expect(report.error == error)
    #expect(report.bytes == 10)
  }

  @Test("A disk that was read in part is short, unless somebody is still there")
  func readInPart() {
    for (clients, outcome, error) in [
      (0, Report.Outcome.short, "the stream was left early: 9 of 10 bytes were read"),
      (1, .failed, "stopped with a client still connected"),
    ] {
      var report = Report(.read, size: 10)
      report.count(9, zeroes: 0)
      report.conclude(clientsThere: clients)
      #expect(report.outcome == outcome)
      #expect(report.error == error)
    }
  }

  // MARK: The last line

  private func logged(
    _ size: UInt64?, _ position: UInt64, _ change: (inout Report) -> Void = { _ in }
  ) {
    var report = Report(.write, size: size)
    change(&report)
    report.count(position, zeroes: 4)
    report.conclude(clientsThere: 0)
    report.log()
  }

  @Test("A complete stream is no error")
  func complete() {
    logged(10, 10)
    #expect(FakeServer.errors == [])
    #expect(
      FakeServer.debugs == [
        "the stream is complete: 10 of 10 bytes delivered, 4 of them zeroes"
      ])
  }

  @Test("One that may be complete is none either, and says what is not known")
  func unknown() {
    logged(nil, 10)
    #expect(FakeServer.errors == [])
    #expect(
      FakeServer.debugs == [
        "the stream has ended: 10 bytes delivered, 4 of them zeroes; "
          + "without size= it is not known whether that was all"
      ])
  }

  @Test("A short one is an error with both numbers")
  func short() {
    logged(10, 9)
    #expect(FakeServer.errors == ["the stream is short: 9 of 10 bytes were written"])
  }

  @Test("A failed one is an error with numbers and reason")
  func failed() {
    logged(10, 9) { $0.fail("bad") }
    #expect(FakeServer.errors == ["the stream has failed: 9 of 10 bytes were delivered: bad"])
  }

  @Test("One whose reader stopped is an error that says what is left")
  func stopped() {
    logged(nil, 10) { $0.apply(.readerStopped(unread: 3, seconds: 10)) }
    #expect(
      FakeServer.errors == [
        "the reader took nothing for 10 seconds, 3 bytes are left for it; 7 bytes were delivered"
      ])
  }
}
