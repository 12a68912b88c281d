import Testing

/// Takes a stream and the model through the same steps; a disagreement fails the test, with the
/// shortest case that shows it.
func expectAgreement(
  _ setup: Setup, _ steps: [Step], _ comment: String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  guard Agreement.check(setup, steps) != nil else { return }
  let shortest = Shrinking.shortest(setup, steps)
  let difference = Agreement.check(shortest.setup, shortest.steps) ?? ""
  Issue.record(
    "\(difference)\n\(comment)\n\(swiftCode(shortest.setup, shortest.steps))",
    sourceLocation: sourceLocation)
}

@Suite("Random operations")
struct RandomOperationsTests {
  @Test("a million of all kinds, with failures, do what the design says")
  func million() {
    print("SEED=\(Environment.seed) repeats these random operations")
    var random = RandomSteps(generator: SeededGenerator(seed: Environment.seed))
    var left = Environment.isSoak ? 200_000_000 : 1_000_000
    while left > 0 {
      let setup = random.setup()
      let (steps, difference) = steps(setup, &random)
      left -= steps.count
      guard difference == nil else {
        expectAgreement(setup, steps, "SEED=\(Environment.seed)")
        return
      }
    }
  }

  /// Takes as many steps as the stream lives, and at most as many that its content stays distinct.
  private func steps(
    _ setup: Setup, _ random: inout RandomSteps
  ) -> (steps: [Step], difference: String?) {
    var agreement = Agreement(setup)
    var steps: [Step] = []
    for _ in 0..<100 {
      let step = random.step(agreement.model)
      steps.append(step)
      if let difference = agreement.take(step) { return (steps, difference) }
      let isOver =
        agreement.model.failure != nil || agreement.model.position == setup.disk
      if isOver, random.generator.once(in: 3) { break }
    }
    let end = Step.finish(random.fault())
    steps.append(end)
    return (steps, agreement.take(end))
  }
}
