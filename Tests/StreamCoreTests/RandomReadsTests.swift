import Glibc
import Testing

@testable import StreamCore

@Suite("Random reads of a stream")
struct RandomReadsTests {
  @Test("two hundred thousand, with failures and known zeroes, give what the design says")
  func many() {
    print("SEED=\(Environment.seed) repeats these random reads")
    // A trap would lose it.
    fflush(nil)
    var random = SeededGenerator(seed: Environment.seed)
    var left = Environment.isSoak ? 10_000_000 : 200_000
    while left > 0 {
      var reading = ReadAgreement(
        count: Int.random(in: 0...40, using: &random),
        rewind: random.once(in: 4) ? 0 : Int.random(in: 0...30, using: &random),
        pads: Bool.random(using: &random),
        room: random.once(in: 4) ? Int.random(in: 0...20, using: &random) : .max,
        zeroes: zeroes(&random),
        horizon: random.once(in: 2) ? 0 : Int.random(in: 1...60, using: &random))
      for _ in 0..<20 {
        left -= 1
        let range = place(near: reading.position, &random)
        if random.once(in: 3),
          let difference = reading.askExtents(
            in: range, onlyFirst: random.once(in: 2),
            alignment: random.once(in: 2) ? 1 : Int.random(in: 2...8, using: &random))
        {
          Issue.record("\(difference)\nSEED=\(Environment.seed)\n\(reading.history)")
          return
        }
        guard let difference = reading.take(range, fault: fault(&random)) else { continue }
        Issue.record("\(difference)\nSEED=\(Environment.seed)\n\(reading.history)")
        return
      }
    }
  }

  private func zeroes(_ random: inout SeededGenerator) -> [Range<Int>] {
    var zeroes: [Range<Int>] = []
    var next = Int.random(in: 0...10, using: &random)
    while next < 40 {
      let end = next + Int.random(in: 1...12, using: &random)
      zeroes.append(next..<end)
      next = end + Int.random(in: 1...12, using: &random)
    }
    return zeroes
  }

  private func place(near position: Int, _ random: inout SeededGenerator) -> Range<Int> {
    let near = position + Int.random(in: -8...8, using: &random)
    let start = max(0, random.once(in: 8) ? Int.random(in: 0...60, using: &random) : near)
    return start..<start + Int.random(in: 1...12, using: &random)
  }

  private func fault(_ random: inout SeededGenerator) -> (error: TransferError, after: Int)? {
    guard random.once(in: 8) else { return nil }
    let after = Int.random(in: 0...12, using: &random)
    return (random.once(in: 4) ? .broken(Failure(errno: 5, reason: "bad")) : .interrupted, after)
  }
}
