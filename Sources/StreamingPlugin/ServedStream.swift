/// The one stream of this process, whichever way it goes.
protocol ServedStream: Sendable {
  /// Refuses every client from now on.
  func refuseAll(because reason: String)

  /// Ends the stream.
  ///
  /// - Parameter excused: A process whose SIGTERM does not end a wait.
  /// - Returns: What became of it.
  func end(_ parameters: Parameters, excusing excused: Int32?) -> Report
}
