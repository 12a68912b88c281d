import Glibc
import Testing

@Suite("Random operations")
struct RandomOperationsTests {
  @Test("a million of all kinds, with failures, do what the design says")
  func million() {
    print("SEED=\(Environment.seed) repeats these random operations")
    // A trap would lose it.
    fflush(nil)
    var random = RandomSteps(generator: SeededGenerator(seed: Environment.seed))
    var left = Environment.isSoak ? 20_000_000 : 1_000_000
    while left > 0 {
      let setup = random.setup()
      let (steps, difference) = steps(setup, &random)
      left -= steps.count
      guard difference == nil else {
        reportDisagreement(setup, steps, "SEED=\(Environment.seed)")
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
