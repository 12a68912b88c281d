import StreamIO
import SystemPackage
import Testing

@testable import StreamingPlugin

@Suite("The outcome of a stream")
struct ReportTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    var size: UInt64?
    var position: UInt64 = 0
    var drained = DrainOutcome.taken
    var coverage = Coverage()
    var failures: [String] = []

    let outcome: Report.Outcome
    var bytes: UInt64?
    var error: String?
  }

  /// One byte at the end of ten was not written.
  private static let one = Coverage(missing: 1, first: 9..<10)
  private static let short =
    "the stream is short: 1 of 10 bytes were not written, the first from 9 to 10"
  private static let unflushed =
    "the client that wrote last did not flush then, so it is not known whether it had finished"

  private static func one(
    _ padding: Coverage.Padding = .none, isSettled: Bool = true,
    clients: Clients.Presence = .left
  ) -> Coverage {
    Coverage(
      missing: 1, first: 9..<10, padding: padding, isSettled: isSettled, clients: clients)
  }

  @Test(arguments: [
    Case(
      testDescription: "All of the disk was delivered",
      size: 10, position: 10, outcome: .complete),
    Case(
      testDescription: "Who is still there can't change a disk that was delivered whole",
      size: 10, position: 10, coverage: Coverage(isSettled: false, clients: .connected),
      outcome: .complete),
    Case(
      testDescription: "Unless it may be written again: then only a flush tells",
      size: 10, position: 10, coverage: Coverage(isSettled: false, needsFlush: true),
      outcome: .unknown, error: unflushed),
    Case(
      testDescription: "Which came",
      size: 10, position: 10, coverage: Coverage(needsFlush: true), outcome: .complete),
    Case(
      testDescription: "Less than the disk was written",
      size: 10, position: 9, coverage: one, outcome: .short, error: short),
    Case(
      testDescription: "All of it was sent, but a byte was never written",
      size: 10, position: 10, coverage: Coverage(missing: 1, first: 3..<4), outcome: .short,
      error: "the stream is short: 1 of 10 bytes were not written, the first from 3 to 4"),
    Case(
      testDescription: "A client that is still there might have written more",
      size: 10, position: 9, coverage: one(clients: .connected), outcome: .failed,
      error: "stopped with a client still connected, and 1 of 10 bytes were not written, "
        + "the first from 9 to 10"),
    Case(
      testDescription: "Of a disk of no known size too",
      position: 9, coverage: Coverage(clients: .connected), outcome: .failed,
      error: "stopped with a client still connected"),
    Case(
      testDescription: "Without a size nobody knows whether it is all",
      position: 9, coverage: Coverage(missing: 2, first: 0..<2), outcome: .unknown),
    Case(
      testDescription: "Missing bytes are zeroes if the user says so",
      size: 10, position: 10, coverage: one(.added), outcome: .complete),
    Case(
      testDescription: "But not of a client that had not finished, as far as anybody knows",
      size: 10, position: 10, coverage: one(.added, isSettled: false), outcome: .unknown,
      error: "\(unflushed); the missing bytes were sent as zeroes"),
    Case(
      testDescription: "Nor of one that nobody saw leave",
      size: 10, position: 10, coverage: one(.added, clients: .unknown), outcome: .unknown,
      error: "it is not known whether all clients had left; the missing bytes were sent as zeroes"),
    Case(
      testDescription: "Where they were not sent as zeroes it is short, and says why",
      size: 10, position: 9, coverage: one(.refused("nothing was written")), outcome: .short,
      error: "pad=true added nothing, as nothing was written; \(short)"),
    Case(
      testDescription: "A failure counts, however much was delivered",
      size: 10, position: 10, failures: ["bad"], outcome: .failed, error: "bad"),
    Case(
      testDescription: "The first failure counts",
      size: 10, position: 9, coverage: one(clients: .connected), failures: ["bad", "worse"],
      outcome: .failed, error: "bad"),
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
      bytes: 7, error: "the reader took nothing for 10 seconds, 3 bytes are left unread"),
    Case(
      testDescription: "But not what was never written",
      size: 10, position: 9, drained: .readerStopped(unread: 3, seconds: 10), coverage: one,
      outcome: .short, bytes: 6,
      error: "the reader took nothing for 10 seconds, 3 bytes are left unread; \(short)"),
    Case(
      testDescription: "So on a socket",
      position: 10, drained: .readerStopped(unread: nil, seconds: 10), outcome: .unknown,
      error: "the reader took nothing for 10 seconds, some bytes are left unread"),
    Case(
      testDescription: "Bytes of others in an inherited pipe are not subtracted twice",
      position: 2, drained: .readerGone(unread: 3), outcome: .failed, bytes: 0,
      error: "the reader has gone with 3 bytes left unread"),
  ])
  func outcome(_ subject: Case) {
    var report = Report(.write, size: subject.size)
    for failure in subject.failures { report.fail(failure) }
    report.apply(subject.drained)
    report.count(sent: subject.position, output: subject.position, zeroes: 1)
    report.conclude(subject.coverage)
    #expect(report.outcome == subject.outcome)
    #expect(report.bytes == subject.bytes ?? subject.position)
    #expect(report.outputBytes == report.bytes)
    #expect(report.missingBytes == subject.coverage.missing)
    #expect(report.error == subject.error)
    #expect(report.zeroBytes == min(1, report.bytes))
    #expect(report.size == subject.size)
  }

  @Test(
    "Of a stream that is read, all of the disk is taken, and its source ends there",
    arguments: [
      (.ended, .complete, nil),
      (.more(3), .failed, "the source has more bytes than size=, at least 3"),
      (
        .failed(.ioError), .failed,
        "the source failed where it should have ended: Input/output error"
      ),
      (
        .silent(seconds: 10), .unknown,
        "the source neither ended nor sent more for 10 seconds after size= bytes"
      ),
      (.interrupted, .unknown, "ended by a signal while waiting for the source to end"),
    ] as [(SourceEnd, Report.Outcome, String?)])
  func source(end: SourceEnd, outcome: Report.Outcome, error: String?) {
    var report = Report(.read, size: 10)
    report.count(sent: 10, output: 10, zeroes: 0)
    report.apply(end)
    report.conclude(ReadCoverage(clients: .connected))
    #expect(report.outcome == outcome)
    #expect(report.error == error)
    #expect(report.bytes == 10)
  }

  @Test(
    "A disk that was read in part is short, unless somebody is still there",
    arguments: [
      (
        ReadCoverage(left: 1), .short, "reading stopped early: 9 of 10 bytes were read"
      ),
      (
        ReadCoverage(left: 1, clients: .connected), .failed,
        "stopped with a client still connected"
      ),
      (ReadCoverage(dropped: 3), .short, "3 bytes went by unread"),
      (
        ReadCoverage(refused: 2), .short, "2 reads were refused because their bytes had gone by"
      ),
    ] as [(ReadCoverage, Report.Outcome, String)])
  func readInPart(_ coverage: ReadCoverage, _ outcome: Report.Outcome, _ error: String) {
    var report = Report(.read, size: 10)
    report.count(sent: 10 - coverage.left, output: 10 - coverage.left, zeroes: 0)
    report.conclude(coverage)
    #expect(report.outcome == outcome)
    #expect(report.error == error)
    #expect(report.missingBytes == coverage.left + coverage.dropped)
  }

  @Test(
    "An end is marked only where the stream may be whole",
    arguments: [
      (10, Coverage(), [], true), (nil, Coverage(), [], true), (10, one, [], false),
      (10, one(.added), [], true), (10, one(.added, clients: .unknown), [], false),
      (10, Coverage(isSettled: false, needsFlush: true), [], false),
      (10, Coverage(), ["bad"], false),
      (nil, Coverage(), ["bad"], false),
    ] as [(UInt64?, Coverage, [String], Bool)])
  func mayEndWell(_ size: UInt64?, _ coverage: Coverage, _ failures: [String], _ may: Bool) {
    var report = Report(.write, size: size)
    for failure in failures { report.fail(failure) }
    #expect(report.mayEndWell(coverage) == may)
  }

  @Test(
    "A command's end counts where its disk was whole",
    arguments: [
      (.ended(.status(0)), .complete, 0, nil),
      (.ended(.status(3)), .failed, 3, "the command failed with exit status 3"),
      (
        .ended(.unknown), .failed, nil,
        "the command's supervisor was killed, so what became of the command is not known"
      ),
      (
        .ended(.interrupted), .failed, nil,
        "ended by a signal: the command has the whole disk, but what became of it is not known"
      ),
      (.notTold, .failed, nil, "the command's supervisor was killed"),
    ] as [(CommandEnd, Report.Outcome, Int?, String?)])
  func command(end: CommandEnd, outcome: Report.Outcome, status: Int?, error: String?) {
    var report = Report(.write, size: 10)
    report.count(sent: 10, output: 10, zeroes: 0)
    report.conclude(Coverage())
    report.apply(end)
    #expect(report.outcome == outcome)
    #expect(report.exitStatus == status)
    #expect(report.error == error)
  }

  // MARK: The last line

  private func lines(
    _ size: UInt64?, _ position: UInt64, _ coverage: Coverage = Coverage(),
    _ change: (inout Report) -> Void = { _ in }
  ) -> [Report.Line] {
    var report = Report(.write, size: size)
    change(&report)
    report.count(sent: position, output: position, zeroes: 4)
    report.conclude(coverage)
    return report.lines
  }

  @Test("A complete stream is no error")
  func complete() {
    #expect(
      lines(10, 10) == [
        .debug("the stream is complete: 10 of 10 bytes delivered, 4 of them zeroes")
      ])
  }

  @Test("One that may be complete is not an error either, and says what is not known")
  func unknown() {
    #expect(
      lines(nil, 10) == [
        .debug(
          "the stream has ended: 10 bytes delivered, 4 of them zeroes; "
            + "without size= it is not known whether that was all")
      ])
  }

  @Test("A short one is an error with both numbers")
  func shortStream() {
    #expect(lines(10, 9, Self.one) == [.error("\(Self.short); 9 of 10 bytes were delivered")])
  }

  @Test("A failed one is an error with numbers and reason")
  func failed() {
    #expect(
      lines(10, 9) { $0.fail("bad") } == [
        .error("the stream has failed: 9 of 10 bytes were delivered: bad")
      ])
  }

  @Test("One whose reader stopped is an error that says what is left")
  func stopped() {
    #expect(
      lines(nil, 10) { $0.apply(.readerStopped(unread: 3, seconds: 10)) } == [
        .error(
          "the reader took nothing for 10 seconds, 3 bytes are left unread; 7 bytes were delivered")
      ])
  }

  @Test("What was not said before is counted")
  func unsaid() {
    #expect(
      lines(10, 10) { $0.unsaidRefusals = 12 }.last
        == .error("12 more requests were answered with an error"))
  }
}
