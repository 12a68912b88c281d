/// The one stream of this process, whichever way it goes.
protocol DiskStream: Sendable {
  /// Refuses every client from now on.
  func refuseAll(because reason: String)

  /// Ends the stream.
  ///
  /// - Parameters:
  ///   - excused: A process whose SIGTERM does not end a wait.
  ///   - removeName: Removes a FIFO that was made here. Called before the endpoint is closed: who opens
  ///     the FIFO after that would wait for ever.
  /// - Returns: What became of it.
  func end(
    _ parameters: Parameters, excusing excused: Int32?, removingName removeName: () -> Void
  ) -> Report
}
