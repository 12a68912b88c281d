/// The stream of a disk, whichever way it goes. ``WriteStream`` and ``ReadStream`` have one shape: a
/// lock around the state, requests that take it once, and an end that yields a report.
protocol DiskStream: Sendable {
  /// Ends the stream. To be called once, after the last request.
  ///
  /// - Parameters:
  ///   - failure: What failed outside of any request, if anything did.
  ///   - ending: Takes the name away, closes, and waits for a command.
  /// - Returns: What became of the stream.
  func end(after failure: String?, by ending: Ending) -> Report
}
