extension Duration {
  /// What nothing takes that goes on, on a loaded machine either.
  static let hang = Duration.seconds(90)
  /// What nothing may take that is told to end. The contract says 2 s; a loaded machine gets 5.
  static let atOnce = Duration.seconds(5)
}

struct TimedOut: Error, CustomStringConvertible {
  let what: String
  let limit: Duration
  var description: String { "waited \(limit) in vain for \(what)" }
}

/// Waits for `condition`; the limit only tells that nothing will come of it.
func eventually(
  _ what: String, within limit: Duration = .hang, _ condition: () throws -> Bool
) async throws {
  let start = ContinuousClock.now
  while try !condition() {
    guard ContinuousClock.now - start < limit else { throw TimedOut(what: what, limit: limit) }
    try Sandbox.mine?.checkOpen()
    try await Task.sleep(for: .milliseconds(10))
  }
}
