import Testing

/// Takes a stream and the model through the same steps; where they don't agree, the test fails.
func expectAgreement(
  _ setup: Setup, _ steps: [Step], sourceLocation: SourceLocation = #_sourceLocation
) {
  if Agreement.check(setup, steps) != nil {
    reportDisagreement(setup, steps, sourceLocation: sourceLocation)
  }
}

/// Fails the test, with the shortest case found that shows what `steps` show.
func reportDisagreement(
  _ setup: Setup, _ steps: [Step], _ comment: String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let shortest = Shrinking.shortest(setup, steps)
  let difference = Agreement.check(shortest.setup, shortest.steps) ?? "not seen again"
  Issue.record(
    "\(difference)\n\(comment)\n\(swiftCode(shortest.setup, shortest.steps))",
    sourceLocation: sourceLocation)
}
