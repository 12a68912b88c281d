import Glibc
import Testing

@testable import StreamCore

@Suite("Random reads of a stream")
struct RandomReadsTests {
  @Test("two hundred thousand, with failures, give what the design says")
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
        room: random.once(in: 4) ? Int.random(in: 0...20, using: &random) : .max)
      for _ in 0..<20 {
        left -= 1
        let range = place(near: reading.position, &random)
        guard let difference = reading.take(range, fault: fault(&random)) else { continue }
        Issue.record("\(difference)\nSEED=\(Environment.seed)\n\(reading.history)")
        return
      }
    }
  }

  private func place(near position: Int, _ random: inout SeededGenerator) -> Range<Int> {
    let near = position + Int.random(in: -8...8, using: &random)
    let start = max(0, random.once(in: 8) ? Int.random(in: 0...60, using: &random) : near)
    return start..<start + Int.random(in: 1...12, using: &random)
  }

  private func fault(_ random: inout SeededGenerator) -> (error: TransferError, after: Int)? {
    guard random.once(in: 8) else { return nil }
    let after = Int.random(in: 0...12, using: &random)
    return (random.once(in: 4) ? .broken(errno: 5, reason: "bad") : .interrupted, after)
  }
}
