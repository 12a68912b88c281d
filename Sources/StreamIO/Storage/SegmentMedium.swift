public import StreamCore

/// Where segments lie: in memory, or in a file.
public protocol SegmentMedium: Sendable {
  /// The size of a segment in bytes.
  var segmentSize: Int { get }

  /// Makes room for one more segment.
  ///
  /// - Returns: The number of the segment, until it is freed.
  func allocate() throws(Failure) -> Int

  /// Gives a segment's room back to the system.
  func free(_ segment: Int)

  /// Gives back whatever was kept for later segments. `live` segments are in use.
  func trim(live: Int)

  /// Puts `bytes` into a segment; they don't reach beyond it.
  func write(_ bytes: RawSpan, to segment: Int, at offset: Int) throws(Failure)

  /// Lends `count` bytes of a segment to `body`.
  func withBytes(
    of segment: Int, at offset: Int, count: Int, _ body: (RawSpan) -> Void
  ) throws(Failure)
}
