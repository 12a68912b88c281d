import NBDKit
import StreamIO

/// What became of the stream, for the log and for the file that `report=` names.
struct Report {
  enum Outcome: String {
    /// All of the disk was delivered, or taken.
    case complete
    /// Nothing failed, but less than the disk was written, or read.
    case short
    /// Something failed; what was delivered is the beginning of the disk at best.
    case failed
    /// Nothing failed; whether that was all can't be known.
    case unknown
  }

  let direction: Direction
  private(set) var outcome = Outcome.unknown
  /// The disk's size in bytes, if the user gave it.
  let size: UInt64?
  /// Bytes delivered as far as that is known, or taken.
  private(set) var bytes: UInt64 = 0
  private(set) var zeroBytes: UInt64 = 0
  /// The most bytes of data that waited for earlier ones at a time.
  var largestDisorder: UInt64 = 0
  /// How the command at the other end ended, as a shell tells it, if there is one and that is known.
  private(set) var exitStatus: Int?
  /// From the first request to the end.
  var seconds = 0.0
  private(set) var error: String?
  /// Bytes sent, whoever took them.
  private var sent: UInt64 = 0
  /// Bytes of them that the reader had not taken at the end.
  private var unread: UInt64 = 0

  init(_ direction: Direction, size: UInt64?) {
    self.direction = direction
    self.size = size
  }

  /// Notes a failure; the first one counts.
  mutating func fail(_ reason: String) {
    outcome = .failed
    error = error ?? reason
  }

  mutating func apply(_ drained: DrainOutcome) {
    switch drained {
    case .taken: break
    case .doubtful(let reason): error = reason
    case .readerGone(let unread):
      fail("the reader has gone with \(leave(unread)) left unread")
    case .interrupted(let unread):
      fail("ended by a signal with \(leave(unread)) left unread")
    case .readerStopped(let unread, let seconds):
      error = "the reader took nothing for \(seconds) seconds, \(leave(unread)) are left for it"
    }
  }

  mutating func apply(_ end: SourceEnd) {
    switch end {
    case .ended: break
    case .doubtful(let reason): error = reason
    case .more(let count): fail("the source has more than size=, at least \(count) bytes")
    case .failed(let reason): fail("the source failed where it should have ended: \(reason)")
    case .silent(let seconds):
      error = "the source neither ended nor went on for \(seconds) seconds where size= ends"
    case .interrupted: error = "ended by a signal while waiting for the source to end"
    }
  }

  /// Notes bytes that were sent and that nobody took, if their number is known, and says them.
  @discardableResult
  mutating func leave(_ count: UInt64?) -> String {
    unread = count ?? 0
    return count.map { "\($0) bytes" } ?? "some bytes"
  }

  /// Says more of what went wrong.
  mutating func add(_ more: String) {
    error = error.map { "\($0); \(more)" } ?? more
  }

  mutating func exited(_ status: Int) {
    exitStatus = status
  }

  mutating func count(_ position: UInt64, zeroes: UInt64) {
    sent = position
    bytes = position - min(unread, position)
    zeroBytes = min(zeroes, bytes)
  }

  /// Decides on the outcome where nothing failed.
  mutating func conclude(clientsThere: Int) {
    guard outcome != .failed else { return }
    switch size {
    // Whoever is still there can't change a disk that was sent whole.
    case sent?: outcome = error == nil ? .complete : .unknown
    case _ where clientsThere > 0:
      fail("stopped with a client still connected")
    case let size?:
      outcome = .short
      let before = error.map { "\($0); " } ?? ""
      let what =
        switch direction {
        case .write: "the stream is short: \(sent) of \(size) bytes were written"
        case .read: "the stream was left early: \(sent) of \(size) bytes were read"
        }
      error = before + what
    case nil: outcome = .unknown
    }
  }

  /// Says in one line what became of the stream: an error unless all is well.
  func log() {
    let moved = direction == .write ? "delivered" : "taken"
    let amount = size.map { "\(bytes) of \($0) bytes" } ?? "\(bytes) bytes"
    switch (outcome, error) {
    case (.complete, _):
      Server.debug("the stream is complete: \(amount) \(moved), \(zeroBytes) of them zeroes")
    case (.unknown, nil):
      Server.debug(
        "the stream has ended: \(amount) \(moved), \(zeroBytes) of them zeroes; "
          + "without size= it is not known whether that was all")
    case (.short, let error?): Server.error(error)
    case (.unknown, let error?): Server.error("\(error); \(amount) were \(moved)")
    case (_, let error):
      Server.error("the stream has failed: \(amount) were \(moved): \(error ?? "unknown")")
    }
  }
}
