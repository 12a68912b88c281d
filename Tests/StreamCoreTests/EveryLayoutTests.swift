import Testing

@Suite("Up to three writes and zeroes on a disk of eight bytes")
struct EveryLayoutTests {
  private static let disk = 8

  private static let requests: [Step] = (0..<disk).flatMap { start in
    (start + 1...disk).flatMap { end in [Step.write(start..<end), .zero(start..<end)] }
  }

  /// One subtree of this many is taken unless all are asked for: prime, so that the share spreads over
  /// windows and requests alike.
  private static let share = Environment.isSoak ? 1 : 607

  @Test("do what the design says in every layout, with every window", arguments: 0...4)
  func everyLayout(head: Int) {
    var subtree = head
    for reorder in 0...Self.disk {
      for rewind in 0...Self.disk {
        let setup = Setup(disk: Self.disk, reorder: reorder, rewind: rewind, head: head)
        for first in Self.requests {
          subtree += 1
          guard subtree % Self.share == 0 else { continue }
          if let steps = disagreement(Agreement(setup), [first], left: 3) {
            expectAgreement(setup, steps)
            return
          }
        }
      }
    }
  }

  /// Tries `requests`, and after each of them all that can follow.
  ///
  /// - Returns: The steps to the first disagreement.
  private func disagreement(
    _ agreement: Agreement, _ requests: [Step], left: Int
  ) -> [Step]? {
    for request in requests {
      var next = agreement
      if next.take(request) != nil { return [request] }
      var ended = next
      if ended.take(.finish()) != nil { return [request, .finish()] }
      if left > 1, let steps = disagreement(next, Self.requests, left: left - 1) {
        return [request] + steps
      }
    }
    return nil
  }
}
