/// Draws setups and steps at random, in proportions that lead far into a stream.
struct RandomSteps {
  var generator: SeededGenerator

  mutating func setup() -> Setup {
    let disk = number(from: 1, to: generator.once(in: 8) ? 100 : 24)
    return Setup(
      disk: disk, reorder: window(disk), rewind: window(disk),
      head: generator.once(in: 2) ? 0 : number(from: 0, to: disk),
      room: generator.once(in: 4) ? number(from: 0, to: disk) : .max,
      remembered: generator.once(in: 4) ? number(from: 0, to: 3) : 65_536)
  }

  /// The next step for a stream as `model` has it.
  mutating func step(_ model: Model) -> Step {
    switch number(from: 0, to: 99) {
    case 0..<55: .write(place(model), fault())
    case 55..<80: .zero(place(model), fault())
    case 80..<84: .flush(fault())
    case 84..<88: .forceUnitAccess
    case 88..<94: .read(range(in: 0..<model.setup.disk))
    default: .extents(range(in: 0..<model.setup.disk))
    }
  }

  mutating func fault() -> Fault {
    guard generator.once(in: 12) else { return .none }
    return switch number(from: 0, to: 20) {
    case 0: .broken(after: number(from: 0, to: 8))
    case 1..<6: .noReader
    default: .interrupted(after: number(from: 0, to: 8))
    }
  }

  private mutating func window(_ disk: Int) -> Int {
    switch number(from: 0, to: 3) {
    case 0: 0
    case 1: number(from: 0, to: 4)
    default: number(from: 0, to: disk + 1)
    }
  }

  /// A range to write: mostly one that is not late, often one that takes the stream on.
  private mutating func place(_ model: Model) -> Range<Int> {
    let disk = model.setup.disk
    guard model.position < disk, !generator.once(in: 60) else { return range(in: 0..<disk) }
    switch number(from: 0, to: 9) {
    case 0..<2:
      return model.position..<number(from: model.position + 1, to: disk)
    case 2..<4 where model.firstMissing < disk:
      return model.firstMissing..<number(from: model.firstMissing + 1, to: disk)
    case 4..<6: return model.owed.first ?? range(in: model.position..<disk)
    default: return range(in: model.position..<disk)
    }
  }

  /// A part of `bounds`, more often a short one than a long one.
  private mutating func range(in bounds: Range<Int>) -> Range<Int> {
    let start = number(from: bounds.lowerBound, to: bounds.upperBound - 1)
    let longest = bounds.upperBound - start
    return start..<start + min(number(from: 1, to: longest), number(from: 1, to: longest))
  }

  private mutating func number(from low: Int, to high: Int) -> Int {
    Int.random(in: low...high, using: &generator)
  }
}
