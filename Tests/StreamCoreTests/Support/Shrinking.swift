/// Finds the shortest of the failing cases that can be reached from one by leaving out and making
/// smaller.
enum Shrinking {
  static func shortest(_ setup: Setup, _ steps: [Step]) -> (setup: Setup, steps: [Step]) {
    var best = (setup: setup, steps: steps)
    while let smaller = smaller(best).first(where: { Agreement.check($0, $1) != nil }) {
      best = smaller
    }
    return best
  }

  /// All that is one simplification away, the boldest first.
  private static func smaller(
    _ old: (setup: Setup, steps: [Step])
  ) -> [(setup: Setup, steps: [Step])] {
    var result: [(setup: Setup, steps: [Step])] = []
    var length = old.steps.count / 2
    while length > 0 {
      for start in 0...old.steps.count - length {
        var steps = old.steps
        steps.removeSubrange(start..<start + length)
        result.append((old.setup, steps))
      }
      length /= 2
    }
    for index in old.steps.indices {
      for step in smaller(old.steps[index]) {
        var steps = old.steps
        steps[index] = step
        result.append((old.setup, steps))
      }
    }
    let end = old.steps.map(\.end).max() ?? 0
    return result + smaller(old.setup, atLeast: end).map { ($0, old.steps) }
  }

  private static func smaller(_ old: Setup, atLeast end: Int) -> [Setup] {
    var result: [Setup] = []
    for (value, path) in [
      (end, \Setup.disk), (0, \.reorder), (0, \.rewind), (0, \.head), (.max, \.room),
      (65_536, \.remembered),
    ] where old[keyPath: path] != value {
      var setup = old
      setup[keyPath: path] = value
      result.append(setup)
      guard value == 0, old[keyPath: path] > 1 else { continue }
      setup[keyPath: path] = old[keyPath: path] - 1
      result.append(setup)
    }
    return result
  }

  private static func smaller(_ step: Step) -> [Step] {
    switch step {
    case .write(let range, let fault):
      smaller(range).map { .write($0, fault) } + smaller(fault).map { .write(range, $0) }
    case .zero(let range, let fault):
      smaller(range).map { .zero($0, fault) } + smaller(fault).map { .zero(range, $0) }
    case .flush(let fault): smaller(fault).map { .flush($0) }
    case .finish(let fault): smaller(fault).map { .finish($0) }
    case .read(let range): smaller(range).map { .read($0) }
    case .extents(let range): smaller(range).map { .extents($0) }
    case .forceUnitAccess: []
    }
  }

  private static func smaller(_ range: Range<Int>) -> [Range<Int>] {
    var result: [Range<Int>] = []
    if range.lowerBound > 0 { result.append(range.lowerBound - 1..<range.upperBound - 1) }
    if range.count > 1 {
      result.append(range.lowerBound..<range.upperBound - 1)
      result.append(range.lowerBound + 1..<range.upperBound)
    }
    return result
  }

  private static func smaller(_ fault: Fault) -> [Fault] {
    switch fault {
    case .none: []
    case .noReader, .stuck, .lost: [.none]
    case .interrupted(let count):
      count > 0 ? [.none, .interrupted(after: count - 1)] : [.none, .noReader]
    case .broken(let count):
      [.none, .interrupted(after: count)] + (count > 0 ? [.broken(after: count - 1)] : [])
    }
  }
}

extension Step {
  /// How large the disk has to be for it.
  var end: Int {
    switch self {
    case .write(let range, _), .zero(let range, _), .read(let range), .extents(let range):
      range.upperBound
    case .flush, .finish, .forceUnitAccess: 1
    }
  }
}
