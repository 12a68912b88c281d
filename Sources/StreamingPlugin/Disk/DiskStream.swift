/// The stream of a disk, in either direction. ``WriteStream`` and ``ReadStream`` have the same
/// shape: a lock around the state, requests that take it once, and an end that yields a report.
protocol DiskStream: Sendable {
  /// Ends the stream. It is called once, after the last request.
  ///
  /// - Parameters:
  ///   - failure: What failed outside of any request, if anything did.
  ///   - ending: Removes the name, closes, and waits for a command.
  /// - Returns: What became of the stream.
  func end(after failure: String?, by ending: Ending) -> Report
}
