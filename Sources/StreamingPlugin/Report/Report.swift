import StreamFormats
import StreamIO

/// What became of the stream: a value that judges from what it is told, for the log and for the
/// file that `report=` names.
struct Report: Sendable {
  enum Outcome: String, Sendable {
    /// All of the disk was delivered, or taken and read.
    case complete
    /// Nothing failed, but less than the whole disk was written, or read.
    case short
    /// Something failed; what was delivered is the beginning of the disk at best.
    case failed
    /// Nothing failed; whether that was everything can't be known.
    case unknown
  }

  let direction: Direction
  var outcome = Outcome.unknown
  /// The disk's size in bytes, if the user gave it.
  let size: UInt64?
  /// Bytes of the disk delivered as far as that is known, or taken from the source.
  private(set) var bytes: UInt64 = 0
  /// Bytes of the disk that no acknowledged write or zero covered, or that no client read.
  private(set) var missingBytes: UInt64 = 0
  /// How many of `bytes` were sent as zeroes, or were known to be zeroes.
  private(set) var zeroBytes: UInt64 = 0
  /// Requests answered with an error.
  var refusedRequests: UInt64 = 0
  /// How many of those requests have no line in the log.
  var unsaidRefusals: UInt64 = 0
  /// What the stream was.
  var format = DiskFormat.raw
  /// How the stream was compressed, if it was.
  var compression: Compression?
  /// Digests of the stream and of the disk, if they are wanted and known.
  var digests: (output: String?, disk: String?)
  /// Bytes of the stream delivered, or taken.
  private(set) var outputBytes: UInt64 = 0
  /// The largest number of bytes of data that waited for earlier ones at one time.
  var largestReorder: UInt64 = 0
  /// How the command at the other end ended, as a shell reports it, if there is a command and that
  /// is known.
  var exitStatus: Int?
  /// From the first request to the end.
  var seconds = 0.0
  private(set) var error: String?
  /// Bytes sent, whether or not a reader took them.
  private var sent: UInt64 = 0
  /// How many of those bytes the reader had not taken at the end.
  private var unread: UInt64 = 0

  init(_ direction: Direction, size: UInt64?) {
    self.direction = direction
    self.size = size
    digests = (nil, nil)
  }

  // MARK: What happened

  /// Notes a failure; the first one counts.
  mutating func fail(_ reason: String) {
    outcome = .failed
    error = error ?? reason
  }

  /// Adds to what went wrong.
  mutating func add(_ more: String) {
    error = error.map { "\($0); \(more)" } ?? more
  }

  mutating func apply(_ drained: DrainOutcome) {
    switch drained {
    case .taken: break
    case .doubtful(let reason): add(reason)
    case .readerGone(let unread):
      fail("the reader has gone with \(leave(unread)) left unread")
    case .interrupted(let unread):
      fail("ended by a signal with \(leave(unread)) left unread")
    case .readerStopped(let unread, let seconds):
      add("the reader took nothing for \(seconds) seconds, \(leave(unread)) are left unread")
    }
  }

  mutating func apply(_ end: SourceEnd) {
    switch end {
    case .ended: break
    case .doubtful(let reason): add(reason)
    case .more(let count): fail("the source has more bytes than size=, at least \(count)")
    case .failed(let reason): fail("the source failed where it should have ended: \(reason)")
    case .silent(let seconds):
      add("the source neither ended nor sent more for \(seconds) seconds after size= bytes")
    case .interrupted: add("ended by a signal while waiting for the source to end")
    }
  }

  /// Notes bytes that were sent and that no reader took, if their number is known, and says how
  /// many.
  @discardableResult
  mutating func leave(_ count: UInt64?) -> String {
    unread = count ?? 0
    return count.map { "\($0) bytes" } ?? "some bytes"
  }

  /// Notes how much went through.
  ///
  /// - Parameters:
  ///   - position: The position on the disk, sent or taken.
  ///   - output: The same in the stream.
  ///   - zeroes: How much of the disk was sent as zeroes.
  ///   - delivered: How much of the disk a reader has if it took all of the stream but `unread`
  ///     bytes, if the two are not the same.
  mutating func count(
    sent position: UInt64, output: UInt64, zeroes: UInt64,
    delivered: ((_ unread: UInt64) -> UInt64)? = nil
  ) {
    sent = position
    let unread = min(unread, output)
    bytes = delivered?(unread) ?? position - min(unread, position)
    outputBytes = output - unread
    zeroBytes = min(zeroes, bytes)
  }

  // MARK: What that means

  /// Decides on the outcome of a disk that was written.
  mutating func conclude(_ coverage: Coverage) {
    missingBytes = coverage.missing
    guard outcome != .failed else { return }
    guard let size else {
      outcome = .unknown
      if coverage.clients == .connected { fail("stopped with a client still connected") }
      return
    }
    if coverage.missing > 0 {
      if case .refused(let reason) = coverage.padding {
        add("pad=true added nothing, as \(reason)")
      }
      guard coverage.padding == .added else {
        return concludeMissing(coverage, of: size)
      }
      if coverage.clients != .left { add("it is not known whether all clients had left") }
      if !coverage.isSettled { add(Self.unsettled) }
      if error != nil { add("the missing bytes were sent as zeroes") }
    } else if coverage.needsFlush, !coverage.isSettled {
      add(Self.unsettled)
    }
    outcome = error == nil ? .complete : .unknown
  }

  private mutating func concludeMissing(_ coverage: Coverage, of size: UInt64) {
    let first = coverage.first.map { ", the first from \($0.lowerBound) to \($0.upperBound)" }
    let missing = "\(coverage.missing) of \(size) bytes were not written\(first ?? "")"
    // The client may have meant to write the missing bytes.
    if coverage.clients == .connected {
      return fail("stopped with a client still connected, and \(missing)")
    }
    outcome = .short
    add("the stream is short: \(missing)")
  }

  private static let unsettled =
    "the client that wrote last did not flush then, so it is not known whether it had finished"

  /// Decides on the outcome of a disk that was read.
  mutating func conclude(_ coverage: ReadCoverage) {
    missingBytes = coverage.left + coverage.dropped
    guard outcome != .failed else { return }
    if coverage.left > 0 || size == nil, coverage.clients == .connected {
      return fail("stopped with a client still connected")
    }
    guard let size else {
      outcome = .unknown
      return
    }
    if coverage.left > 0 {
      add("reading stopped early: \(sent) of \(size) bytes were read")
    }
    if coverage.dropped > 0 {
      add("\(coverage.dropped) bytes went by unread")
    }
    if coverage.refused > 0 {
      add("\(coverage.refused) reads were refused because their bytes had gone by")
    }
    let isShort = coverage != ReadCoverage(clients: coverage.clients)
    outcome = isShort ? .short : error == nil ? .complete : .unknown
  }

  /// Whether the stream may be whole, as far as is known before the reader has taken the rest.
  func mayEndWell(_ coverage: Coverage) -> Bool {
    var report = self
    report.conclude(coverage)
    return report.outcome == .complete || report.outcome == .unknown && report.error == nil
  }

  // MARK: What is said

  /// One line for the log.
  enum Line: Equatable, Sendable {
    case error(String)
    /// Shown with `-v` alone.
    case debug(String)
  }

  /// What became of the stream, in one line, which is an error unless all is well; and how many
  /// refusals were not printed before.
  var lines: [Line] {
    var lines = [line]
    if unsaidRefusals > 0 {
      lines.append(.error("\(unsaidRefusals) more requests were answered with an error"))
    }
    return lines
  }

  private var line: Line {
    let moved = direction == .write ? "delivered" : "taken"
    let amount = size.map { "\(bytes) of \($0) bytes" } ?? "\(bytes) bytes"
    return switch (outcome, error) {
    case (.complete, _):
      .debug("the stream is complete: \(amount) \(moved), \(zeroBytes) of them zeroes")
    case (.unknown, nil):
      .debug(
        "the stream has ended: \(amount) \(moved), \(zeroBytes) of them zeroes; "
          + "without size= it is not known whether that was all")
    // What was read is part of the error already.
    case (.short, let error?) where direction == .read: .error(error)
    case (.short, let error?), (.unknown, let error?): .error("\(error); \(amount) were \(moved)")
    case (_, let error):
      .error("the stream has failed: \(amount) were \(moved): \(error ?? "unknown")")
    }
  }
}
