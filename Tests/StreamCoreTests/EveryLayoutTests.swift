import Glibc
import Synchronization
import Testing

/// Of the 72 requests there are, all sequences of up to three, with each W and R from 0 to 8 and a
/// held head of 0 to 4, are 1.5e8. Left out is what can't differ from what is taken: W = 8, as at
/// most 7 bytes wait where one is missing; a head that the end of the disk written to never meets,
/// which is as none; and, once the stream has failed, all requests but a write and a zero.
@Suite("Up to three writes and zeroes on a disk of eight bytes")
struct EveryLayoutTests {
  private static let disk = 8
  private static let heads = 0...4

  private static let requests: [(step: Step, end: Int)] = (0..<disk).flatMap { start in
    (start + 1...disk).flatMap { end in
      [(Step.write(start..<end), end), (.zero(start..<end), end)]
    }
  }

  /// Of the first two requests one pair of this many is taken unless all are asked for, and with it
  /// all third ones. Prime, so that the share spreads over windows and requests alike.
  private static let share = Environment.isSoak ? 1 : 151

  @Test("do what the design says in every layout, with every window", arguments: 0..<disk)
  func everyLayout(reorder: Int) {
    var pair = reorder
    for rewind in 0...Self.disk {
      for head in Self.heads {
        let setup = Setup(disk: Self.disk, reorder: reorder, rewind: rewind, head: head)
        var layouts = 0
        for first in Self.requests {
          for second in Self.requests {
            pair += 1
            guard pair % Self.share == 0 else { continue }
            guard let steps = disagreement(setup, first, second, &layouts) else { continue }
            reportDisagreement(setup, steps)
            return
          }
        }
        Self.progress.note(layouts)
      }
    }
  }

  /// Takes two requests, and after them each that there is; the stream may end after any of them.
  ///
  /// - Returns: The steps to the first disagreement.
  private func disagreement(
    _ setup: Setup, _ first: (step: Step, end: Int), _ second: (step: Step, end: Int),
    _ layouts: inout Int
  ) -> [Step]? {
    let end = max(first.end, second.end)
    let isMet = [0, first.end, end].contains(setup.head)
    guard isMet || end < setup.head else { return nil }
    var agreement = Agreement(setup)
    for (index, request) in [first, second].enumerated() {
      layouts += 1
      if disagrees(&agreement, request.step) {
        return [first, second][...index].map(\.step) + [.finish()]
      }
    }
    let last =
      agreement.model.failure == nil ? Self.requests[...] : Self.requests.prefix(2)
    for third in last where isMet || third.end == setup.head {
      layouts += 1
      var next = agreement
      if disagrees(&next, third.step) { return [first.step, second.step, third.step, .finish()] }
    }
    return nil
  }

  private func disagrees(_ agreement: inout Agreement, _ step: Step) -> Bool {
    if agreement.take(step) != nil { return true }
    var ended = agreement
    return ended.take(.finish()) != nil
  }

  private static let progress = Progress(parts: disk * (disk + 1) * heads.count)
}

/// Tells how far the full set has come, every tenth of it.
private final class Progress: Sendable {
  private let parts: Int
  private let done = Mutex((parts: 0, layouts: 0))

  init(parts: Int) { self.parts = parts }

  func note(_ layouts: Int) {
    done.withLock { done in
      done.parts += 1
      done.layouts += layouts
      guard done.parts % (parts / 10) == 0 else { return }
      print("\(done.parts * 100 / parts) % of every layout: \(done.layouts) taken")
      fflush(nil)
    }
  }
}
