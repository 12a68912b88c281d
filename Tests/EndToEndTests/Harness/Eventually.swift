struct TimedOut: Error, CustomStringConvertible {
  let what: String
  let limit: Duration
  var description: String { "waited \(limit) in vain for \(what)" }
}

/// Waits for `condition`; the limit only tells a hang from a loaded machine.
func eventually(
  _ what: String, within limit: Duration = .seconds(20), _ condition: () throws -> Bool
) async throws {
  let start = ContinuousClock.now
  while try !condition() {
    guard ContinuousClock.now - start < limit else { throw TimedOut(what: what, limit: limit) }
    try Sandbox.mine?.checkOpen()
    try await Task.sleep(for: .milliseconds(10))
  }
}
