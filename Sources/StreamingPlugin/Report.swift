import NBDKit
import StreamIO

/// What became of the stream, for the log and for the file that `report=` names.
struct Report {
  enum Outcome: String {
    /// All of the disk was delivered.
    case complete
    /// Nothing failed, but less than the disk was written.
    case short
    /// Something failed; what was delivered is the beginning of the disk at best.
    case failed
    /// Nothing failed; whether that was all can't be known.
    case unknown
  }

  private(set) var outcome = Outcome.unknown
  /// The disk's size in bytes, if the user gave it.
  let size: UInt64?
  /// Bytes delivered, as far as that is known.
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

  init(size: UInt64?) {
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
    case .readerGone(let unread):
      fail("the reader has gone with \(leave(unread)) left unread")
    case .interrupted(let unread):
      fail("ended by a signal with \(leave(unread)) left unread")
    case .readerStopped(let unread, let seconds):
      error = "the reader took nothing for \(seconds) seconds, \(leave(unread)) are left for it"
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
      error = "\(before)the stream is short: \(sent) of \(size) bytes were written"
    case nil: outcome = .unknown
    }
  }

  /// Says in one line what became of the stream: an error unless all is well.
  func log() {
    let delivered = size.map { "\(bytes) of \($0) bytes" } ?? "\(bytes) bytes"
    switch (outcome, error) {
    case (.complete, _):
      Server.debug("the stream is complete: \(delivered) delivered, \(zeroBytes) of them zeroes")
    case (.unknown, nil):
      Server.debug(
        "the stream has ended: \(delivered) delivered, \(zeroBytes) of them zeroes; "
          + "without size= it is not known whether that was all")
    case (.short, let error?): Server.error(error)
    case (.unknown, let error?): Server.error("\(error); \(delivered) were delivered")
    case (_, let error):
      Server.error("the stream has failed: \(delivered) were delivered: \(error ?? "unknown")")
    }
  }
}
