import Testing

@Suite("Up to three writes and zeroes on a disk of eight bytes")
struct EveryLayoutTests {
  private static let disk = 8

  private static let requests: [Step] = (0..<disk).flatMap { start in
    (start + 1...disk).flatMap { end in [Step.write(start..<end), .zero(start..<end)] }
  }

  /// Of the first two requests one pair of this many is taken unless all are asked for, and with it all
  /// third ones. Prime, so that the share spreads over windows and requests alike.
  private static let share = Environment.isSoak ? 1 : 601

  @Test("do what the design says in every layout, with every window", arguments: 0...4)
  func everyLayout(head: Int) {
    var pair = head
    for reorder in 0...Self.disk {
      for rewind in 0...Self.disk {
        let setup = Setup(disk: Self.disk, reorder: reorder, rewind: rewind, head: head)
        for first in Self.requests {
          for second in Self.requests {
            pair += 1
            guard pair % Self.share == 0 else { continue }
            guard let steps = disagreement(setup, [first, second]) else { continue }
            reportDisagreement(setup, steps)
            return
          }
        }
      }
    }
  }

  /// Takes `steps`, and after them each request there is; the stream may end after any of them.
  ///
  /// - Returns: The steps to the first disagreement.
  private func disagreement(_ setup: Setup, _ steps: [Step]) -> [Step]? {
    var agreement = Agreement(setup)
    for (index, step) in steps.enumerated() {
      if disagrees(&agreement, step) { return steps[...index] + [.finish()] }
    }
    for last in Self.requests {
      var next = agreement
      if disagrees(&next, last) { return steps + [last, .finish()] }
    }
    return nil
  }

  private func disagrees(_ agreement: inout Agreement, _ step: Step) -> Bool {
    if agreement.take(step) != nil { return true }
    var ended = agreement
    return ended.take(.finish()) != nil
  }
}
