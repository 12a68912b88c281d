/// How much of a disk that was written is known to have been meant: the grounds on which ``Report``
/// calls a stream whole.
struct Coverage: Equatable, Sendable {
  /// What became of missing bytes that the user declared to be zeroes (`pad=true`).
  enum Padding: Equatable, Sendable {
    /// Padding was not asked for, or nothing was missing.
    case none
    /// They were sent as zeroes.
    case added
    /// They were not sent, for this reason.
    case refused(String)
  }

  /// How many bytes of the disk no acknowledged write or zero covered. Without `size=`, only bytes
  /// below the highest one covered count.
  var missing: UInt64 = 0
  /// The lowest of them.
  var first: Range<UInt64>?
  var padding = Padding.none
  /// Whether the client that changed the disk last flushed it afterwards.
  var isSettled = true
  /// Whether a client may write again what it has written (`rewind=`), so that only a flush shows
  /// that it has finished.
  var needsFlush = false
  var clients = Clients.Presence.left
}

/// The same for a disk that was read.
struct ReadCoverage: Equatable, Sendable {
  /// How many bytes were not taken from the source, although `size=` includes them.
  var left: UInt64 = 0
  /// How many bytes were taken and passed by, without any client having read them.
  var dropped: UInt64 = 0
  /// How many reads were refused because their bytes had gone by.
  var refused: UInt64 = 0
  var clients = Clients.Presence.left
}
